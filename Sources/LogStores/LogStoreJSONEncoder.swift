import Bytes
import ChangeEvents
import Columnar
import EventLog

/// Encodes changes as log store records of one row each: a header and a JSON object (mixed format, sections 8.1 and
/// 8.2).
///
/// The bytes are identical to those of Amoro's writers, except for `time` columns, which Amoro garbles: here they are
/// `HH:mm:ss[.fraction]`. Floating-point numbers use the shortest digits in the form of Java's `Double.toString`; a JDK
/// older than 19 may write more digits for the same number.
public struct LogStoreJSONEncoder: Sendable {
    /// Arena size at which a partition's records are emitted and a new arena is started.
    private static let arenaBytes = 16 << 20

    public let topic: String
    private let rows: JSONRowEncoder

    /// Fails with `unsupported` for nested columns.
    public init(_ schema: Schema, topic: String) throws(WeirError) {
        try LogStoreFormat.check(schema)
        self.topic = topic
        rows = JSONRowEncoder(schema, dialect: .logStore)
    }

    /// The records of each partition, in row order. Null values are written as null.
    public func encode(
        _ batch: ChangeBatch,
        upstream: UpstreamID,
        epoch: Int64,
        split: LogStoreSplit,
        partitions: [Int]
    ) throws(WeirError) -> [RawBatch] {
        let source = rows.rows(of: batch.rows)
        let kinds = batch.kinds.values(as: UInt8.self)
        let actionAt = LogStoreHeader.byteCount - 1
        var header = GrowableBuffer()
        LogStoreHeader(upstream: upstream, epoch: epoch).append(to: &header)
        let prefix = UnsafeRawBufferPointer(start: header.base, count: header.count)
        var encoded: [RawBatch] = []
        for (index, partition) in partitions.enumerated() {
            let rows = split.rows(at: index)
            guard !rows.isEmpty else { continue }
            var arena = RecordArena(capacity: min(rows.count * 128, Self.arenaBytes))
            for row in rows {
                let row = Int(row)
                arena.bytes.append(prefix)
                (arena.bytes.base + arena.bytes.count).storeBytes(
                    of: kinds[row],
                    toByteOffset: actionAt - prefix.count,
                    as: UInt8.self
                )
                source.append(row, to: &arena.bytes)
                try arena.endRecord()
                if arena.bytes.count >= Self.arenaBytes {
                    encoded.append(arena.finish(topic: topic, partition: partition))
                }
            }
            if !arena.isEmpty { encoded.append(arena.finish(topic: topic, partition: partition)) }
        }
        return encoded
    }
}
