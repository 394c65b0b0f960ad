import Bytes

/// Records of one partition as a source delivered them: slices of one arena, without copies.
public struct RawBatch: Sendable {
    /// The position of one record in the arena.
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

    /// Readable bytes after the last record of an arena, so that SIMD code may read past the end of a value.
    public static let padding = 64

    public let topic: String
    public let partition: Int
    /// Keys and values, followed by at least `padding` readable bytes.
    public let arena: Buffer
    private let table: Buffer
    /// Whether the headers of each record follow its value, as in Kafka record batches.
    private let hasHeaders: Bool

    /// `table` holds `Record` values in ascending offset order.
    ///
    /// - Parameter hasHeaders: whether headers follow each value in the arena, as in Kafka record batches.
    public init(topic: String, partition: Int, arena: Buffer, table: Buffer, hasHeaders: Bool = false) {
        self.topic = topic
        self.partition = partition
        self.arena = arena
        self.table = table
        self.hasHeaders = hasHeaders
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
        return RawBatch(topic: topic, partition: partition, arena: arena, table: rest, hasHeaders: hasHeaders)
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

    /// The headers of a record, parsed on demand. Empty if the log does not provide headers, as Kafka brokers' logs do
    /// not yet.
    public func headers(_ record: Record) -> [RecordHeader] {
        guard hasHeaders else { return [] }
        var position = Int(record.valueStart) + max(0, Int(record.valueCount))
        var headers: [RecordHeader] = []
        let base = arena.base
        func bytes() -> [UInt8]? {
            guard let count = Varint.load(base, &position, end: arena.count), count >= 0,
                count <= Int64(arena.count - position)
            else { return nil }
            defer { position += Int(count) }
            return [UInt8](UnsafeRawBufferPointer(start: base + position, count: Int(count)))
        }
        guard let count = Varint.load(base, &position, end: arena.count) else { return [] }
        for _ in 0..<max(0, count) {
            guard let name = bytes() else { break }
            headers.append(RecordHeader(name: String(decoding: name, as: UTF8.self), value: bytes()))
        }
        return headers
    }
}
