import Bytes

/// The fixed part of a Kafka record batch, format v2. All numbers are big-endian.
///
/// ```
///  0 baseOffset i64          21 attributes i16        43 producerId i64 (−1)
///  8 batchLength i32         23 lastOffsetDelta i32   51 producerEpoch i16 (−1)
/// 12 partitionLeaderEpoch    27 baseTimestamp i64     53 baseSequence i32 (−1)
/// 16 magic i8 (2)            35 maxTimestamp i64      57 recordCount i32
/// 17 crc u32                                          61 records …
/// ```
///
/// `batchLength` counts from byte 12. The checksum covers byte 21 to the end, so the base offset can be set after it is
/// computed. So can the leader epoch, which has no meaning in a log without brokers. It stores the distance in bytes
/// from the batch back to the synced end of the file when the batch was written. A valid batch thus proves that
/// everything before that point was on the device.
struct RecordBatchHeader {
    static let byteCount = 61
    static let lengthStart = 12
    static let syncedBehindAt = 12
    static let magicAt = 16
    static let checksumAt = 17
    static let checksummedFrom = 21
    static let magic: UInt8 = 2

    static let codecMask: Int16 = 0x07
    static let appendTimeFlag: Int16 = 0x08
    static let controlFlag: Int16 = 0x20

    let baseOffset: Int64
    let batchLength: Int32
    /// Bytes between the synced end of the file when this batch was written and the batch. Batches of logs that did not
    /// store the distance have 0, which claims that all bytes before them were synced; damage before them is then an
    /// error instead of being cut off.
    let syncedBehind: Int32
    let magic: UInt8
    let checksum: UInt32
    let attributes: Int16
    let lastOffsetDelta: Int32
    let baseTimestamp: Int64
    let maxTimestamp: Int64
    let recordCount: Int32

    /// Reads the first 61 bytes at the pointer, which the caller has checked are there.
    @inline(__always)
    init(_ bytes: UnsafeRawPointer) {
        baseOffset = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: Int64.self))
        batchLength = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self))
        syncedBehind = Int32(
            bigEndian: bytes.loadUnaligned(fromByteOffset: Self.syncedBehindAt, as: Int32.self)
        )
        magic = bytes.load(fromByteOffset: Self.magicAt, as: UInt8.self)
        checksum = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.checksumAt, as: UInt32.self))
        attributes = Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: 21, as: Int16.self))
        lastOffsetDelta = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 23, as: Int32.self))
        baseTimestamp = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 27, as: Int64.self))
        maxTimestamp = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 35, as: Int64.self))
        recordCount = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 57, as: Int32.self))
    }

    /// Bytes of the whole batch.
    var totalCount: Int { Int(batchLength) + Self.lengthStart }
    var lastOffset: Int64 { baseOffset + Int64(lastOffsetDelta) }
    var nextOffset: Int64 { lastOffset + 1 }
    var isControl: Bool { attributes & Self.controlFlag != 0 }
    /// Whether every record has the time of its append, which is the batch's `maxTimestamp`.
    var usesAppendTime: Bool { attributes & Self.appendTimeFlag != 0 }
    /// Nil for an unknown codec number.
    var codec: CompressionCodec? { CompressionCodec(rawValue: attributes & Self.codecMask) }
}

/// The result of checking the bytes where a batch should begin.
enum BatchCheck {
    case whole(RecordBatchHeader)
    /// The batch, or its header, needs this many bytes in total.
    case incomplete(needed: Int)
    /// What is wrong; for a checksum mismatch, with the stored and the computed checksum.
    case damaged(String)

    /// Checks `available` bytes that should begin with a batch with base offset `expectedOffset` (any offset when nil).
    /// The checksum does not cover the base offset, so it is verified against the neighbouring batches: a log has no
    /// gaps.
    static func of(
        _ bytes: UnsafeRawPointer,
        available: Int,
        expectedOffset: Int64?,
        verifyingChecksum: Bool = true
    ) -> BatchCheck {
        guard available >= RecordBatchHeader.byteCount else {
            return .incomplete(needed: RecordBatchHeader.byteCount)
        }
        let header = RecordBatchHeader(bytes)
        guard header.magic == RecordBatchHeader.magic else {
            return .damaged("the batch has magic \(header.magic), only format 2 is known")
        }
        guard Int(header.batchLength) >= RecordBatchHeader.byteCount - RecordBatchHeader.lengthStart else {
            return .damaged("the batch has the impossible length \(header.batchLength)")
        }
        guard header.baseOffset >= 0, header.lastOffsetDelta >= 0, header.recordCount >= 0,
            header.baseOffset < Int64.max - Int64(Int32.max) - 1
        else {
            return .damaged("the batch claims \(header.recordCount) records from offset \(header.baseOffset)")
        }
        if let expectedOffset, header.baseOffset != expectedOffset {
            return .damaged("the batch begins at offset \(header.baseOffset) where \(expectedOffset) comes next")
        }
        guard header.totalCount <= available else { return .incomplete(needed: header.totalCount) }
        guard verifyingChecksum else { return .whole(header) }
        let covered = UnsafeRawBufferPointer(
            start: bytes + RecordBatchHeader.checksummedFrom,
            count: header.totalCount - RecordBatchHeader.checksummedFrom
        )
        let computed = CRC32C.checksum(covered)
        guard computed == header.checksum else {
            return .damaged(
                "the batch at offset \(header.baseOffset) has the checksum \(hexadecimal(header.checksum)) "
                    + "but its bytes give \(hexadecimal(computed))"
            )
        }
        return .whole(header)
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
