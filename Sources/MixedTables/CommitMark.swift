import IcebergFormat

/// The end of a commit in a stream of changes: everything up to it was given.
public struct CommitMark: Sendable, Equatable {
    /// The commit's sequence number in the store that changes are read from.
    public let sequence: Int64
    /// Nil where the snapshot has expired.
    public let snapshotId: Int64?
    /// Milliseconds since 1970; nil where the snapshot has expired.
    public let timestampMs: Int64?
    /// How many changes the commit has.
    public var changes: Int64

    public init(_ snapshot: Snapshot, changes: Int64 = 0) {
        sequence = snapshot.sequenceNumber
        snapshotId = snapshot.id
        timestampMs = snapshot.timestampMs
        self.changes = changes
    }

    init(_ sequence: Int64) {
        self.sequence = sequence
        (snapshotId, timestampMs, changes) = (nil, nil, 0)
    }

    /// The position behind the commit.
    public var position: ChangePosition { ChangePosition(snapshotId: snapshotId, sequence: sequence) }
}
