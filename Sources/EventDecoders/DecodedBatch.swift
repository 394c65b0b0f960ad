import ChangeEvents

/// What a batch of raw records turned out to hold.
public struct DecodedBatch: Sendable {
    /// One batch for each destination table that got rows, by table index; in it the rows in the order of their records.
    public let changes: [(table: Int, batch: ChangeBatch)]
    /// Records that are not what the format and the table's columns ask for, in order.
    public let rejected: [RejectedRecord]
    /// Records without a value.
    public let tombstones: Int
    /// Records of tables that go nowhere, and logical messages.
    public let ignored: Int

    public init(
        changes: [(table: Int, batch: ChangeBatch)],
        rejected: [RejectedRecord],
        tombstones: Int,
        ignored: Int
    ) {
        self.changes = changes
        self.rejected = rejected
        self.tombstones = tombstones
        self.ignored = ignored
    }
}
