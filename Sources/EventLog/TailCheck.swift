import Bytes
import Foundation
import ObjectStorage

/// Distinguishes damage from what a crash may leave. Any pages of unsynced writes may be missing, so valid batches can
/// follow a hole. But a batch that was written after a sync of these bytes proves that they were once complete.
enum TailCheck {
    /// A candidate batch whose offset is further ahead than this is not a batch of this log.
    private static let offsetsAheadMax: Int64 = 1 << 32
    private static let windowBytes = 4 << 20

    /// The position of the first valid batch after `position` that was written when the file was synced beyond
    /// `position`. Nil when there is none: then the file gives no evidence that anything at `position` was
    /// acknowledged.
    static func proofOfSync(
        in file: any OpenFile,
        after position: Int64,
        limit: Int64,
        nextOffset: Int64
    ) throws(WeirError) -> Int64? {
        var start = position + 1
        while let (found, header) = try validBatch(in: file, from: start, limit: limit, nextOffset: nextOffset) {
            if found - Int64(max(0, header.syncedBehind)) > position { return found }
            start = found + Int64(header.totalCount)
        }
        return nil
    }

    /// The first valid batch from `start` on.
    private static func validBatch(
        in file: any OpenFile,
        from start: Int64,
        limit: Int64,
        nextOffset: Int64
    ) throws(WeirError) -> (position: Int64, header: RecordBatchHeader)? {
        var start = start
        let window = UnsafeMutableRawBufferPointer.allocate(byteCount: windowBytes, alignment: 64)
        defer { window.deallocate() }
        while limit - start >= Int64(RecordBatchHeader.byteCount) {
            let wanted = Int(min(Int64(windowBytes), limit - start))
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: window[..<wanted]), at: start)
            guard count >= RecordBatchHeader.byteCount, let base = window.baseAddress else { return nil }
            let last = count - RecordBatchHeader.byteCount
            var candidate = 0
            while candidate <= last {
                // Every batch has the magic byte 2 here; nearly all other positions do not.
                let from = candidate + RecordBatchHeader.magicAt
                guard
                    let hit = memchr(
                        base + from,
                        Int32(RecordBatchHeader.magic),
                        last + RecordBatchHeader.magicAt + 1 - from
                    )
                else { break }
                candidate = UnsafeRawPointer(hit) - UnsafeRawPointer(base) - RecordBatchHeader.magicAt
                if try isBatch(base + candidate, in: file, at: start + Int64(candidate), limit, nextOffset) {
                    return (start + Int64(candidate), RecordBatchHeader(base + candidate))
                }
                candidate += 1
            }
            start += Int64(last + 1)
        }
        return nil
    }

    private static func isBatch(
        _ bytes: UnsafeRawPointer,
        in file: any OpenFile,
        at position: Int64,
        _ limit: Int64,
        _ nextOffset: Int64
    ) throws(WeirError) -> Bool {
        let header = RecordBatchHeader(bytes)
        guard header.baseOffset >= nextOffset, header.baseOffset - nextOffset <= offsetsAheadMax,
            header.batchLength >= 49, Int64(header.totalCount) <= limit - position
        else { return false }
        let whole = try file.read(count: header.totalCount, at: position)
        return whole.withUnsafeBytes { source in
            guard let base = source.baseAddress,
                case .whole = BatchCheck.of(base, available: source.count, expectedOffset: nil)
            else { return false }
            return true
        }
    }
}
