import ChangeEvents

/// What a batch of raw records turned out to hold.
public struct DecodedBatch: Sendable {
    /// The decoded records, by the destinations they go to.
    public let sources: [SourceChanges]
    /// One batch for each destination table that got rows, by table index; in it the rows in the order of their records.
    public let changes: [(table: Int, batch: ChangeBatch)]
    /// Records that are not what the format and the table's columns ask for, in order.
    public let rejected: [RejectedRecord]
    /// Records without a value.
    public let tombstones: Int
    /// Records of tables that go nowhere.
    public let ignored: Int
    /// Records of the source's own that carry no row, such as heartbeats.
    public let withoutRows: Int
    /// What was found out about source tables, each told once by a decoder.
    public let notices: [DecoderNotice]
    /// Columns that cannot be read until somebody says what they count. With any, there are no changes, and nothing of
    /// the batch may be passed over.
    public let doubts: [UnitDoubt]

    public init(
        sources: [SourceChanges],
        rejected: [RejectedRecord],
        tombstones: Int,
        ignored: Int,
        withoutRows: Int,
        notices: [DecoderNotice],
        doubts: [UnitDoubt] = []
    ) {
        self.sources = sources
        changes = SourceChanges.routed(sources)
        self.rejected = rejected
        self.tombstones = tombstones
        self.ignored = ignored
        self.withoutRows = withoutRows
        self.notices = notices
        self.doubts = doubts
    }
}
