import Bytes

/// Records of one partition as a source delivered them: slices of one arena, nothing copied out.
public struct RawBatch: Sendable {
    /// One record's place in the arena.
    public struct Record: BitwiseCopyable, Sendable {
        public var offset: Int64
        /// Milliseconds since 1970.
        public var timestamp: Int64
        public var keyStart: Int32
        /// Bytes; −1 for a record without a key.
        public var keyCount: Int32
        public var valueStart: Int32
        /// Bytes; −1 for a record without a value, which Kafka calls a tombstone.
        public var valueCount: Int32

        public init(
            offset: Int64,
            timestamp: Int64,
            keyStart: Int32,
            keyCount: Int32,
            valueStart: Int32,
            valueCount: Int32
        ) {
            self.offset = offset
            self.timestamp = timestamp
            self.keyStart = keyStart
            self.keyCount = keyCount
            self.valueStart = valueStart
            self.valueCount = valueCount
        }
    }

    /// Readable bytes that an arena holds behind its last record, so that vector code may read past a value's end.
    public static let padding = 64

    public let topic: String
    public let partition: Int
    /// Keys and values, followed by at least `padding` readable bytes.
    public let arena: Buffer
    private let table: Buffer

    /// `table` holds `Record` values in ascending offset order.
    public init(topic: String, partition: Int, arena: Buffer, table: Buffer) {
        self.topic = topic
        self.partition = partition
        self.arena = arena
        self.table = table
    }

    /// Records.
    public var count: Int { table.count / MemoryLayout<Record>.stride }
    public var records: UnsafeBufferPointer<Record> {
        UnsafeBufferPointer(start: table.values(as: Record.self), count: count)
    }

    /// The records from an offset on; nil when there are none.
    public func dropping(before offset: Int64) -> RawBatch? {
        guard let first = records.firstIndex(where: { $0.offset >= offset }) else { return nil }
        if first == 0 { return self }
        let stride = MemoryLayout<Record>.stride
        let rest = table.slice(from: first * stride, count: (count - first) * stride)
        return RawBatch(topic: topic, partition: partition, arena: arena, table: rest)
    }

    /// Nil for a record without a key.
    public func key(_ record: Record) -> UnsafeRawBufferPointer? {
        record.keyCount < 0
            ? nil : UnsafeRawBufferPointer(start: arena.base + Int(record.keyStart), count: Int(record.keyCount))
    }

    /// Nil for a tombstone.
    public func value(_ record: Record) -> UnsafeRawBufferPointer? {
        record.valueCount < 0
            ? nil : UnsafeRawBufferPointer(start: arena.base + Int(record.valueStart), count: Int(record.valueCount))
    }
}
