import EventLog

/// A record that could not be decoded, with the information needed to diagnose and replay a dead letter.
public struct RejectedRecord: Sendable, Equatable {
    public let topic: String
    public let partition: Int
    public let offset: Int64
    /// Milliseconds since 1970.
    public let timestamp: Int64
    /// The field, the expected value and the actual value.
    public let reason: String
    /// The destination tables that do not get the record; empty if its destinations are unknown.
    public let tables: [Int]
    /// Raw bytes, truncated to the decoder's limit; nil if the record has no key.
    public let key: [UInt8]?
    public let value: [UInt8]?
    /// The full size of the key in bytes, which may exceed what is kept.
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
