import EventLog

/// A record that could not be decoded, with what a dead letter needs to be understood and replayed.
public struct RejectedRecord: Sendable, Equatable {
    public let topic: String
    public let partition: Int
    public let offset: Int64
    /// Milliseconds since 1970.
    public let timestamp: Int64
    /// Which field, what was expected, what was found.
    public let reason: String
    /// The destination tables that do not get it; empty when it could not be told where it belongs.
    public let tables: [Int]
    /// Raw bytes, at most as many as the decoder keeps; nil where the record has none.
    public let key: [UInt8]?
    public let value: [UInt8]?
    /// Bytes the record has, which may be more than are kept here.
    public let keyCount: Int
    public let valueCount: Int

    /// Copies at most `limit` bytes of the key and of the value.
    public init(_ record: RawBatch.Record, of batch: RawBatch, reason: String, tables: [Int], limit: Int) {
        topic = batch.topic
        partition = batch.partition
        offset = record.offset
        timestamp = record.timestamp
        self.reason = reason
        self.tables = tables
        key = batch.key(record).map { Array($0.prefix(limit)) }
        value = batch.value(record).map { Array($0.prefix(limit)) }
        keyCount = max(0, Int(record.keyCount))
        valueCount = max(0, Int(record.valueCount))
    }
}
