/// When a snapshot became current.
public struct SnapshotLogEntry: Hashable, Sendable {
    public let timestampMs: Int64
    public let snapshotId: Int64

    public init(timestampMs: Int64, snapshotId: Int64) {
        self.timestampMs = timestampMs
        self.snapshotId = snapshotId
    }
}

/// A previous metadata file.
public struct MetadataLogEntry: Hashable, Sendable {
    public let timestampMs: Int64
    public let path: String

    public init(timestampMs: Int64, path: String) {
        self.timestampMs = timestampMs
        self.path = path
    }
}
