import IcebergFormat

/// The mark of commits that take change files out of a change store whose changes base contains (spec section 6.7).
///
/// Whoever has all changes up to the number that the mark tells has lost nothing by such a commit.
extension Snapshot {
    private static let removedChangesKey = "weir.removed-changes"

    /// The greatest data sequence number among the files that the commit removes; nil for any other commit.
    public var removedChangesUpTo: Int64? {
        guard operation == SnapshotOperation.delete.rawValue else { return nil }
        return summary[Self.removedChangesKey].flatMap { Int64($0) }
    }

    /// The summary of such a commit.
    ///
    /// The producer tells other tools that it is maintenance, which does not make a table's rows younger.
    public static func removedChangesSummary(upTo sequence: Int64) -> [String: String] {
        dataExpirySummary.merging([removedChangesKey: String(sequence)]) { $1 }
    }
}
