import Bytes
import MixedTables

/// When the first changes of an epoch were read and decoded.
struct EpochStages {
    private let source: Int64?
    private let read: RunClock.Instant
    private let decoded: RunClock.Instant

    init(_ changes: SourceReader.Changes) {
        source = changes.firstTimestamp
        read = changes.readAt
        decoded = changes.decodedAt
    }

    /// The same as times of the wall clock, for an epoch that ends now. A step of that clock moves all of them.
    ///
    /// - Parameter milliseconds: the wall clock, since 1970.
    func times(at now: RunClock.Instant, _ milliseconds: Int64) -> StageTimes {
        StageTimes(
            source: source,
            read: milliseconds - Self.milliseconds(now - read),
            decoded: milliseconds - Self.milliseconds(now - decoded),
            cut: milliseconds
        )
    }

    private static func milliseconds(_ duration: Duration) -> Int64 { Int64(max(0, duration / .milliseconds(1))) }
}
