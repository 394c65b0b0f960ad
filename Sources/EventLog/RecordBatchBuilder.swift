import Bytes

/// A record batch ready to be appended: Kafka's bytes, with the base offset left at 0 for the log to set.
public struct EncodedRecordBatch: Sendable {
    let bytes: Buffer
    /// Records.
    public let count: Int
    public let maxTimestamp: Int64
    /// Bytes the batch takes in the log.
    public var byteCount: Int { bytes.count }
}

/// A record header: a name and a value that may be absent.
public struct RecordHeader: Sendable, Equatable {
    public var name: String
    public var value: [UInt8]?

    public init(name: String, value: [UInt8]?) {
        self.name = name
        self.value = value
    }
}

/// Encodes records into a batch. Used by one thread at a time; reusable after `finish`.
public struct RecordBatchBuilder: ~Copyable {
    /// Maximum bytes of a batch, headers included.
    public static let byteCountMax = Int(Int32.max) - (1 << 20)

    private var buffer: GrowableBuffer
    private let codec: CompressionCodec
    /// Records so far.
    public private(set) var count = 0
    private var baseTimestamp: Int64 = 0
    private var maxTimestamp: Int64 = 0

    public init(codec: CompressionCodec = .none, capacity: Int = 64 << 10) {
        self.codec = codec
        buffer = GrowableBuffer(capacity: capacity)
        buffer.append(repeating: 0, count: RecordBatchHeader.byteCount)
    }

    /// Bytes of the batch so far, before compression.
    public var byteCount: Int { buffer.count }
    public var isEmpty: Bool { count == 0 }

    /// Adds a record. A nil key means no key, a nil value a tombstone. The timestamp is in milliseconds since 1970.
    public mutating func append(
        key: UnsafeRawBufferPointer?,
        value: UnsafeRawBufferPointer?,
        timestamp: Int64
    ) throws(WeirError) {
        let deltas = try begin(key, value, timestamp, headerBytes: 1)
        var next = buffer.base + buffer.count
        storePrefix(&next, deltas, key, value)
        Varint.store(0, at: &next)
        commit(next, timestamp)
    }

    /// Adds a record with headers.
    public mutating func append(
        key: UnsafeRawBufferPointer?,
        value: UnsafeRawBufferPointer?,
        timestamp: Int64,
        headers: [RecordHeader]
    ) throws(WeirError) {
        var section = ByteWriter()
        section.writeVarint(Int64(headers.count))
        for header in headers {
            section.writeVarint(Int64(header.name.utf8.count))
            section.writeString(header.name)
            section.writeVarint(header.value.map { Int64($0.count) } ?? -1)
            if let value = header.value { section.writeBytes(value) }
        }
        let deltas = try begin(key, value, timestamp, headerBytes: section.count)
        var next = buffer.base + buffer.count
        storePrefix(&next, deltas, key, value)
        for byte in section.bytes {
            next.storeBytes(of: byte, as: UInt8.self)
            next += 1
        }
        commit(next, timestamp)
    }

    /// Adds every record of a batch, for example to copy it to another topic.
    public mutating func append(contentsOf batch: RawBatch) throws(WeirError) {
        for record in batch.records {
            try append(key: batch.key(record), value: batch.value(record), timestamp: record.timestamp)
        }
    }

    /// Returns the finished batch and empties the builder. Fails with `invalid` when there is no record.
    public mutating func finish() throws(WeirError) -> EncodedRecordBatch {
        guard count > 0 else { throw WeirError(.invalid, "a record batch needs at least one record") }
        if codec != .none { try compress() }
        storeHeader()
        let batch = EncodedRecordBatch(bytes: buffer.finish(), count: count, maxTimestamp: maxTimestamp)
        buffer.reserve(max(batch.byteCount, 4096))
        removeAll()
        return batch
    }

    /// Discards all added records.
    public mutating func removeAll() {
        buffer.removeAll()
        buffer.append(repeating: 0, count: RecordBatchHeader.byteCount)
        count = 0
    }

    // MARK: Records

    private struct Deltas {
        var length: Int64
        var timestamp: Int64
        var offset: Int64
    }

    /// Checks that the record fits, reserves space for it, and computes its length and deltas.
    @inline(__always)
    private mutating func begin(
        _ key: UnsafeRawBufferPointer?,
        _ value: UnsafeRawBufferPointer?,
        _ timestamp: Int64,
        headerBytes: Int
    ) throws(WeirError) -> Deltas {
        let payload = (key?.count ?? 0) + (value?.count ?? 0) + headerBytes
        guard payload <= Self.byteCountMax - buffer.count - 64, count < Int(Int32.max) else {
            throw WeirError(
                .invalid,
                "a record of \(payload) bytes does not fit into a batch that holds \(buffer.count) bytes",
                advice: "finish the batch first; a batch holds at most \(Self.byteCountMax) bytes"
            )
        }
        if count == 0 {
            baseTimestamp = timestamp
            maxTimestamp = timestamp
        }
        let timestampDelta = timestamp &- baseTimestamp
        let fields =
            1 + Varint.count(timestampDelta) + Varint.count(Int64(count))
            + Varint.count(key.map { Int64($0.count) } ?? -1) + Varint.count(value.map { Int64($0.count) } ?? -1)
        // Five varints of at most ten bytes each, and the attributes.
        buffer.reserve(payload + 64)
        return Deltas(length: Int64(fields + payload), timestamp: timestampDelta, offset: Int64(count))
    }

    @inline(__always)
    private func storePrefix(
        _ next: inout UnsafeMutableRawPointer,
        _ deltas: Deltas,
        _ key: UnsafeRawBufferPointer?,
        _ value: UnsafeRawBufferPointer?
    ) {
        Varint.store(deltas.length, at: &next)
        next.storeBytes(of: 0, as: UInt8.self)
        next += 1
        Varint.store(deltas.timestamp, at: &next)
        Varint.store(deltas.offset, at: &next)
        storeField(&next, key)
        storeField(&next, value)
    }

    @inline(__always)
    private func storeField(_ next: inout UnsafeMutableRawPointer, _ field: UnsafeRawBufferPointer?) {
        guard let field else { return Varint.store(-1, at: &next) }
        Varint.store(Int64(field.count), at: &next)
        guard let source = field.baseAddress else { return }
        next.copyMemory(from: source, byteCount: field.count)
        next += field.count
    }

    @inline(__always)
    private mutating func commit(_ end: UnsafeMutableRawPointer, _ timestamp: Int64) {
        buffer.advance(by: end - (buffer.base + buffer.count))
        maxTimestamp = max(maxTimestamp, timestamp)
        count += 1
    }

    // MARK: The batch

    private mutating func compress() throws(WeirError) {
        var packed = GrowableBuffer(capacity: buffer.count / 2)
        packed.append(repeating: 0, count: RecordBatchHeader.byteCount)
        let records = UnsafeRawBufferPointer(
            start: buffer.base + RecordBatchHeader.byteCount,
            count: buffer.count - RecordBatchHeader.byteCount
        )
        try codec.compress(records, into: &packed)
        swap(&buffer, &packed)
    }

    private func storeHeader() {
        let base = buffer.base
        func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
            base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
        }
        store(Int64(0), at: 0)
        store(Int32(buffer.count - RecordBatchHeader.lengthStart), at: 8)
        store(Int32(0), at: 12)
        store(RecordBatchHeader.magic, at: RecordBatchHeader.magicAt)
        store(codec.rawValue, at: 21)
        store(Int32(count - 1), at: 23)
        store(baseTimestamp, at: 27)
        store(maxTimestamp, at: 35)
        store(Int64(-1), at: 43)
        store(Int16(-1), at: 51)
        store(Int32(-1), at: 53)
        store(Int32(count), at: 57)
        let covered = UnsafeRawBufferPointer(
            start: base + RecordBatchHeader.checksummedFrom,
            count: buffer.count - RecordBatchHeader.checksummedFrom
        )
        store(CRC32C.checksum(covered), at: RecordBatchHeader.checksumAt)
    }
}
