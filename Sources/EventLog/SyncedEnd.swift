import Bytes
import ObjectStorage

/// The position up to which a partition is known to be synced, stored in the file `synced-end` beside its segments.
///
/// After a power failure any subset of the pages written since the last sync may be on the device. An invalid batch
/// after the last sync is therefore harmless; before it, it is damage or loss. This file distinguishes the two. It is
/// written after the sync it describes, so it never claims more than is on the device. It may lag, because the hot path
/// does not sync it; the batches themselves cover the gap (`RecordBatchHeader.syncedBehind`).
///
/// Two slots of one sector each are written alternately, so a torn write leaves the other slot valid:
///
/// ```
/// 0 and 512: magic "WEIRSYNC"   8 segment's base offset i64   16 bytes of it i64   24 next offset i64   32 CRC-32C u32
/// ```
///
/// All numbers are big-endian. A partition without the file, or without a valid slot, is opened as if nothing were
/// known.
struct SyncedEnd: Equatable, Sendable {
    /// The base offset of the synced segment.
    var base: Int64
    /// Synced bytes of that segment.
    var position: Int64
    /// The offset after the last record.
    var offset: Int64

    static let fileName = "synced-end"
    static let slotStarts: [Int64] = [0, 512]
    private static let slotBytes = 36
    private static let magic = Array("WEIRSYNC".utf8)

    static func path(_ directory: String) -> String { directory + "/" + fileName }

    /// Loads the file of a partition. Returns its synced end (nil if the file is missing or unreadable) and the slot to
    /// write next.
    static func load(_ directory: String, _ files: any FileSystem) -> (end: SyncedEnd?, nextSlot: Int) {
        guard let file = try? files.open(path(directory), .read) else { return (nil, 0) }
        var best: SyncedEnd?
        var nextSlot = 0
        for (slot, start) in slotStarts.enumerated() {
            guard let bytes = try? file.read(count: slotBytes, at: start), let end = decode(bytes) else { continue }
            if end.offset >= best?.offset ?? 0 {
                best = end
                nextSlot = (slot + 1) % slotStarts.count
            }
        }
        return (best, nextSlot)
    }

    /// Writes a slot; does not sync.
    func store(_ directory: String, slot: Int, _ files: any FileSystem) throws(WeirError) {
        try files.open(Self.path(directory), .write).write(encoded, at: Self.slotStarts[slot])
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.slotBytes)
        writer.writeBytes(Self.magic)
        writer.writeBigEndian(base)
        writer.writeBigEndian(position)
        writer.writeBigEndian(offset)
        writer.writeBigEndian(Self.checksum(writer.bytes))
        return writer.bytes
    }

    private static func decode(_ bytes: [UInt8]) -> SyncedEnd? {
        guard bytes.count == slotBytes, Array(bytes[..<8]) == magic else { return nil }
        let (end, stored) = bytes.withUnsafeBytes { source in
            func number(_ at: Int) -> Int64 {
                Int64(bigEndian: source.loadUnaligned(fromByteOffset: at, as: Int64.self))
            }
            return (
                SyncedEnd(base: number(8), position: number(16), offset: number(24)),
                UInt32(bigEndian: source.loadUnaligned(fromByteOffset: 32, as: UInt32.self))
            )
        }
        guard stored == checksum(Array(bytes[..<32])), end.base >= 0, end.position >= 0, end.offset >= end.base
        else { return nil }
        return end
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.checksum($0) }
    }
}

// MARK: Checking a partition

extension SyncedEnd {
    /// The error for a partition whose segment with the synced end is missing; nil when that segment or a later one
    /// exists.
    func missingSegment(_ directory: String, among segments: [SegmentPaths]) -> WeirError? {
        guard offset > 0, segments.last?.baseOffset ?? -1 < base else { return nil }
        return lost(
            "the segment is gone, and the log was synced up to offset \(offset) in it",
            SegmentPaths(directory: directory, baseOffset: base),
            position: 0,
            offset: base
        )
    }

    /// The error for a partition whose valid batches end before the synced end; nil when they reach it.
    ///
    /// - Parameter reason: why the valid batches end; nil for the end of the file.
    func shortfall(_ segment: SegmentPaths, position: Int64, nextOffset: Int64, reason: String?) -> WeirError? {
        guard nextOffset < offset else { return nil }
        let why = reason ?? "the file ends here"
        return lost(
            "\(why), and the log was synced up to offset \(offset)"
                + (base == segment.baseOffset ? ", byte \(self.position)" : ""),
            segment,
            position: position,
            offset: nextOffset
        )
    }

    private func lost(_ what: String, _ segment: SegmentPaths, position: Int64, offset: Int64) -> WeirError {
        WeirError(
            .corrupt,
            what,
            at: "\(segment.log), byte \(position), offset \(offset)",
            advice: "restore the file from a copy; nothing was changed. To go on without what is lost, "
                + "remove \(Self.path(segment.directory)) and open the log for writing"
        )
    }
}
