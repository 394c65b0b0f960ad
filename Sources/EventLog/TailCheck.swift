import Bytes
import Foundation
import ObjectStorage

/// Tells a torn tail from damage: behind a torn tail there is nothing, behind damage valid batches follow.
enum TailCheck {
    /// Offsets further ahead than this do not belong to the batches that could follow.
    private static let offsetsAheadMax: Int64 = 1 << 32
    private static let windowBytes = 4 << 20

    /// The place of the first valid batch behind `position`, nil when there is none.
    static func validBatch(
        in file: any OpenFile,
        after position: Int64,
        limit: Int64,
        nextOffset: Int64
    ) throws(WeirError) -> Int64? {
        var start = position + 1
        let window = UnsafeMutableRawBufferPointer.allocate(byteCount: windowBytes, alignment: 64)
        defer { window.deallocate() }
        while limit - start >= Int64(RecordBatchHeader.byteCount) {
            let wanted = Int(min(Int64(windowBytes), limit - start))
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: window[..<wanted]), at: start)
            guard count >= RecordBatchHeader.byteCount, let base = window.baseAddress else { return nil }
            let last = count - RecordBatchHeader.byteCount
            var candidate = 0
            while candidate <= last {
                // Every batch has the byte 2 at this place; nearly every other place has not.
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
                    return start + Int64(candidate)
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
