import Bytes

/// When an append is acknowledged.
public enum FlushMode: Sendable, Equatable {
    /// After `fdatasync` of the group it was written with. The default.
    case everyGroup
    /// After the write; a sync follows within the time. A power failure can take what was acknowledged in between.
    case everyMilliseconds(Int)
    /// After the write; the operating system decides when it reaches the device.
    case never
}

/// The numbers a file log is tuned with.
public struct FileLogSettings: Sendable, Equatable {
    /// A segment that would grow beyond this is closed and a new one begun. At most 2³¹ − 1.
    public var segmentBytes = 256 << 20
    /// A segment whose first record was appended longer ago than this is closed at the next append.
    public var segmentAgeMilliseconds: Int64 = 7 * 24 * 3600 * 1000
    /// Bytes of log between two entries of the sparse indexes.
    public var indexIntervalBytes = 4096
    /// Oldest segments go while the partition without them would still hold this much; nil keeps everything.
    public var retentionBytes: Int64?
    /// Segments whose newest record is older than this go; nil keeps everything.
    public var retentionMilliseconds: Int64?
    public var flush = FlushMode.everyGroup
    /// Appends that one write and one sync may carry together.
    public var groupBytesMax = 8 << 20
    /// Appends that may wait for their group; beyond it `submit` blocks.
    public var pendingBytesMax = 64 << 20
    /// How far the file that tells what is synced may lag behind the syncs while appends go on.
    public var syncedEndLagMilliseconds = 200
    /// A partition without appends for so long has that file synced as well.
    public var syncedEndRestMilliseconds = 1000

    public init() {}

    func check() throws(WeirError) {
        guard segmentBytes >= 1024, segmentBytes <= Int(Int32.max) else {
            throw WeirError(
                .invalid,
                "a segment cannot have \(segmentBytes) bytes",
                advice: "choose 1024 to 2147483647"
            )
        }
        guard indexIntervalBytes > 0, groupBytesMax > 0, pendingBytesMax > 0, segmentAgeMilliseconds > 0 else {
            throw WeirError(.invalid, "index interval, group, pending and segment age limits must be positive")
        }
        if case .everyMilliseconds(let pause) = flush, pause <= 0 {
            throw WeirError(.invalid, "the log cannot be flushed every \(pause) ms", advice: "choose a positive number")
        }
    }
}
