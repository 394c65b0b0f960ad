import Bytes
import ObjectStorage

/// What opening a log for writing cut off: unacknowledged bytes after the last whole valid batch. They may contain
/// whole batches if a power failure lost earlier pages of the same write.
public struct RecoveryCut: Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// Where in the file the cut was made.
    public let position: Int64
    /// Bytes cut off.
    public let byteCount: Int64
    /// The offset the next record gets.
    public let nextOffset: Int64
    /// Why the bytes were not a valid batch.
    public let reason: String

    public var description: String {
        "cut \(CountText.of(byteCount, "byte")) of a torn tail at byte \(position) of \(file), the log goes on at offset "
            + "\(nextOffset) (\(reason))"
    }
}

/// The content found in a segment.
struct SegmentContent {
    /// Bytes of whole valid batches.
    var byteCount: Int64 = 0
    var nextOffset: Int64
    var index: IndexBuilder
    var firstTimestamp: Int64?
    /// The bytes after them that must be cut off; nil when there are none.
    var cut: RecoveryCut?
}

enum SegmentRecovery {
    /// Reads every batch of the segment that may have a torn tail. Fails with `corrupt` when it ends, or is damaged,
    /// before the synced end: acknowledged records are never cut off.
    static func read(
        _ file: any OpenFile,
        _ paths: SegmentPaths,
        syncedEnd: SyncedEnd?,
        indexIntervalBytes: Int
    ) throws(WeirError) -> SegmentContent {
        let size = try file.size()
        var content = SegmentContent(
            nextOffset: paths.baseOffset,
            index: IndexBuilder(intervalBytes: indexIntervalBytes)
        )
        var scanner = BatchScanner(
            file,
            from: 0,
            limit: size,
            nextOffset: paths.baseOffset,
            verifyingChecksums: true
        )
        while true {
            let reason: String
            switch try scanner.next() {
            case .batch(let header, let position):
                content.index.add(header, at: position)
                content.byteCount = scanner.position
                content.nextOffset = header.nextOffset
                if content.firstTimestamp == nil { content.firstTimestamp = header.maxTimestamp }
                continue
            case .end:
                if let lost = syncedEnd?.shortfall(
                    paths,
                    position: scanner.position,
                    nextOffset: scanner.nextOffset,
                    reason: nil
                ) {
                    throw lost
                }
                return content
            case .torn: reason = "the file ends inside a batch"
            case .damaged(let what): reason = what
            }
            try failIfSynced(file, paths, scanner.position, size, scanner.nextOffset, reason, syncedEnd)
            content.cut = RecoveryCut(
                file: paths.log,
                position: scanner.position,
                byteCount: size - scanner.position,
                nextOffset: scanner.nextOffset,
                reason: reason
            )
            return content
        }
    }

    /// Fails with `corrupt` when the valid batches end before the synced end.
    static func failIfSynced(
        _ file: any OpenFile,
        _ paths: SegmentPaths,
        _ position: Int64,
        _ limit: Int64,
        _ nextOffset: Int64,
        _ reason: String,
        _ syncedEnd: SyncedEnd?
    ) throws(WeirError) {
        if let next = try TailCheck.proofOfSync(in: file, after: position, limit: limit, nextOffset: nextOffset) {
            throw damage(reason + "; valid batches follow at byte \(next)", paths, position, nextOffset)
        }
        if let lost = syncedEnd?.shortfall(paths, position: position, nextOffset: nextOffset, reason: reason) {
            throw lost
        }
    }

    static func damage(_ what: String, _ paths: SegmentPaths, _ position: Int64, _ offset: Int64) -> WeirError {
        WeirError(
            .corrupt,
            what,
            at: "\(paths.log), byte \(position), offset \(offset)",
            advice: "restore the file from a copy; nothing was changed"
        )
    }
}
