import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Writes the changes of one table to its log store (mixed format, section 8.5). Used by one thread at a time.
///
/// Rows go out at once, before the commit that makes them good; the epoch they carry tells readers which commit that
/// is. After a restart from epoch `k` the rows of later epochs are taken back with `flip(k)`, with the upstream id of
/// before.
public final class LogStoreWriter {
    public let upstream: UpstreamID
    /// What rows are written under.
    public private(set) var epoch: Int64
    private let appender: any TopicAppender
    private let encoding: Encoding
    private var partitioner: LogStorePartitioner

    private enum Encoding {
        case json(LogStoreJSONEncoder)
        case columnar(LogStoreColumnarEncoder)
    }

    /// - Parameters:
    ///   - primaryKey: places of the key's columns in the schema, in key order; empty without a key.
    ///   - epoch: 1 for a new job, the last good epoch + 1 for a restored one.
    public init(
        _ appender: any TopicAppender,
        schema: Schema,
        primaryKey: [Int],
        upstream: UpstreamID,
        epoch: Int64 = 1,
        format: LogStoreFormat = .json
    ) throws(WeirError) {
        self.appender = appender
        self.upstream = upstream
        self.epoch = epoch
        partitioner = try LogStorePartitioner(partitions: appender.partitions, primaryKey: primaryKey)
        encoding =
            switch format {
            case .json: .json(try LogStoreJSONEncoder(schema, topic: appender.topic))
            case .columnar: .columnar(try LogStoreColumnarEncoder(schema, topic: appender.topic))
            }
    }

    /// Appends the rows, without waiting for them to be acknowledged. Columns a row lacks are null.
    public func write(_ batch: ChangeBatch) throws(WeirError) {
        guard batch.count > 0 else { return }
        let partitions = partitioner.partitions
        let records: [RawBatch]
        switch encoding {
        case .json(let encoder):
            let split = partitioner.split(batch.rows)
            records = try encoder.encode(batch, upstream: upstream, epoch: epoch, split: split, partitions: partitions)
        case .columnar(let encoder):
            let split = partitioner.splitWhole(batch.rows)
            records = try encoder.encode(batch, upstream: upstream, epoch: epoch, split: split, partitions: partitions)
        }
        for batch in records { try appender.append(batch) }
    }

    /// Rows from here on belong to this epoch.
    public func beginEpoch(_ number: Int64) { epoch = number }

    /// Waits until every row written so far is acknowledged: before the epoch's commit.
    public func flush() throws(WeirError) { try appender.flush() }

    /// Takes back all rows of this upstream whose epoch is higher, in every partition, and goes on with the epoch
    /// behind it. Returns when the flip is acknowledged everywhere.
    public func flip(_ epoch: Int64) throws(WeirError) {
        try flip(epoch, of: upstream)
        self.epoch = epoch + 1
    }

    /// The same for another writer, which must have ended.
    public func flip(_ epoch: Int64, of upstream: UpstreamID) throws(WeirError) {
        try appender.flush()
        for partition in partitioner.partitions {
            var arena = RecordArena(capacity: 128)
            // Flips have no payload, so readers of version 1 understand them in every format.
            LogStoreHeader(upstream: upstream, epoch: epoch, isFlip: true).append(to: &arena.bytes)
            try arena.endRecord()
            try appender.append(arena.finish(topic: appender.topic, partition: partition))
        }
        try appender.flush()
    }
}
