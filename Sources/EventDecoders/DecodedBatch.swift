import ChangeEvents

/// The result of decoding a batch of raw records.
public struct DecodedBatch: Sendable {
    /// The decoded records, grouped by their set of destinations.
    public let sources: [SourceChanges]
    /// One batch for each destination table that got rows, by table index, with the rows in record order.
    public let changes: [(table: Int, batch: ChangeBatch)]
    /// Records that do not match the format or the table's columns, in record order.
    public let rejected: [RejectedRecord]
    /// Records without a value.
    public let tombstones: Int
    /// Records of tables without a destination.
    public let ignored: Int
    /// Records that carry no row by design, such as heartbeats.
    public let withoutRows: Int
    /// Findings about source tables. A decoder reports each one once.
    public let notices: [DecoderNotice]
    /// Columns that cannot be read until their unit is configured. If not empty, `changes` is empty, and no record of
    /// the batch may be skipped.
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
