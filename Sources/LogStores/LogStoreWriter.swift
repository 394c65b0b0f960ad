import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Writes the changes of one table to its log store (mixed format, section 8.5). Used by one thread at a time.
///
/// Rows are sent at once, before the commit they belong to; their epoch identifies that commit. After a restart from
/// epoch `k`, `flip(k)` with the previous upstream id retracts the rows of later epochs.
public final class LogStoreWriter {
    public let upstream: UpstreamID
    /// The epoch of the rows written now.
    public private(set) var epoch: Int64
    private let appender: any TopicAppender
    private let encoding: Encoding
    private var partitioner: LogStorePartitioner

    private enum Encoding {
        case json(LogStoreJSONEncoder)
        case columnar(LogStoreColumnarEncoder)
    }

    /// - Parameters:
    ///   - primaryKey: column indexes of the key in the schema, in key order; empty without a key.
    ///   - epoch: 1 for a new job, the last committed epoch + 1 for a restored one.
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

    /// Appends the rows without waiting for acknowledgement. Missing columns are written as null.
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

    /// Starts an epoch: rows written from now on belong to it.
    public func beginEpoch(_ number: Int64) { epoch = number }

    /// Waits until every row written so far is acknowledged. Called before the epoch's commit.
    public func flush() throws(WeirError) { try appender.flush() }

    /// Retracts all rows of this upstream with a higher epoch, in every partition, and continues with the next epoch.
    /// Returns when the flip is acknowledged in every partition.
    public func flip(_ epoch: Int64) throws(WeirError) {
        try flip(epoch, of: upstream)
        self.epoch = epoch + 1
    }

    /// The same for another upstream, whose writer must have ended.
    public func flip(_ epoch: Int64, of upstream: UpstreamID) throws(WeirError) {
        try appender.flush()
        for partition in partitioner.partitions {
            var arena = RecordArena(capacity: 128)
            // Flips have no payload, so readers of version 1 understand them whatever the data format.
            LogStoreHeader(upstream: upstream, epoch: epoch, isFlip: true).append(to: &arena.bytes)
            try arena.endRecord()
            try appender.append(arena.finish(topic: appender.topic, partition: partition))
        }
        try appender.flush()
    }
}
