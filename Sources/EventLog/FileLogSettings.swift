import Bytes

/// When an append is acknowledged.
public enum FlushMode: Sendable, Equatable {
    /// After `fdatasync` of its group. The default.
    case everyGroup
    /// After the write; a sync follows within this time. A power failure can lose records acknowledged since the last
    /// sync.
    case everyMilliseconds(Int)
    /// After the write; the operating system decides when it reaches the device.
    case never
}

/// Tuning settings of a file log.
public struct FileLogSettings: Sendable, Equatable {
    /// A segment that would grow beyond this size is closed and a new one started. At most 2³¹ − 1.
    public var segmentBytes = 256 << 20
    /// A segment whose first record was appended longer ago than this is closed by the next append.
    public var segmentAgeMilliseconds: Int64 = 7 * 24 * 3600 * 1000
    /// Log bytes between two entries of the sparse indexes.
    public var indexIntervalBytes = 4096
    /// The oldest segments are removed as long as the partition still holds this many bytes without them; nil keeps
    /// everything.
    public var retentionBytes: Int64?
    /// Segments whose newest record is older than this are removed; nil keeps everything.
    public var retentionMilliseconds: Int64?
    public var flush = FlushMode.everyGroup
    /// Maximum bytes of appends in one group, which is one write and one sync.
    public var groupBytesMax = 8 << 20
    /// Maximum bytes of queued appends; beyond it `submit` blocks.
    public var pendingBytesMax = 64 << 20
    /// How long the `synced-end` file may lag behind the syncs while appends go on.
    public var syncedEndLagMilliseconds = 200
    /// After this time without appends, the `synced-end` file is synced as well.
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
