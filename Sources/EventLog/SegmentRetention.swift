import Bytes
import ObjectStorage

extension [SealedSegment] {
    /// Removes the oldest segments that retention does not keep. Each removal is durable before the next, so that a
    /// crash leaves no gap.
    ///
    /// - Parameters:
    ///   - activeBytes: bytes of the active segment, which is never removed.
    ///   - now: milliseconds since 1970.
    /// - Returns: the number of removed segments.
    mutating func removeOld(
        _ settings: FileLogSettings,
        activeBytes: Int64,
        now: Int64,
        directory: String,
        files: any FileSystem
    ) throws(WeirError) -> Int {
        var total = reduce(activeBytes) { $0 + $1.byteCount }
        var removed = 0
        while let oldest = first {
            let tooMuch = settings.retentionBytes.map { total - oldest.byteCount >= $0 } ?? false
            let tooOld = settings.retentionMilliseconds.map { oldest.newestTimestamp < now - $0 } ?? false
            guard tooMuch || tooOld else { break }
            // Removing the .log removes the segment. Opening the log removes index files left by a crash.
            do throws(WeirError) {
                try files.remove(oldest.paths.log)
            } catch  where error.code == .notFound {}
            try files.syncDirectory(directory)
            removeFirst()
            total -= oldest.byteCount
            removed += 1
            try? files.remove(oldest.paths.offsetIndex)
            try? files.remove(oldest.paths.timeIndex)
        }
        return removed
    }
}
