import Bytes
import ObjectStorage

/// How much of a segment may be read now, and whether a later segment follows.
struct SegmentView {
    /// Bytes of the file that may be read.
    var limit: Int64
    /// No later segment exists yet.
    var isLast: Bool
    /// Whether a writer of this process has acknowledged every byte below the limit. Otherwise the last bytes may be a
    /// write in progress or a torn tail left by a crash.
    var isAcknowledged: Bool

    static func of(
        _ paths: SegmentPaths,
        _ file: any OpenFile,
        next: () throws(WeirError) -> Bool,
        _ files: any FileSystem
    ) throws(WeirError) -> SegmentView {
        if let writer = ActivePartitions.shared.writer(of: paths.directory) {
            if let limit = writer.acknowledgedBytes(ofSegment: paths.baseOffset) {
                return SegmentView(limit: limit, isLast: true, isAcknowledged: true)
            }
            return SegmentView(limit: try file.size(), isLast: false, isAcknowledged: true)
        }
        // Check for a later segment first: once it exists, this one has its final size.
        let hasNext = try next()
        return SegmentView(limit: try file.size(), isLast: !hasNext, isAcknowledged: false)
    }
}
