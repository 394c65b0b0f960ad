import IcebergFormat

/// Commits that look after a table: they change no row, or remove rows that have had their time (spec section 1.7).
extension Snapshot {
    private static let expiry = "DATA_EXPIRATION"
    private static let danglingDeletes = "CLEAN_DANGLING_DELETE"

    /// The summary of a commit that removes delete files which apply to no data file.
    public static let danglingDeletesSummary = [producerKey: danglingDeletes]
    /// The summary of a commit that removes rows because of their age.
    public static let dataExpirySummary = [producerKey: expiry]

    /// Whether the commit removes rows because of their age. Who reads a table as a stream is not told of it.
    public var isDataExpiry: Bool { summary[Self.producerKey] == Self.expiry && removedChangesUpTo == nil }

    /// Whether the commit makes a table no younger: it looks after the table, or only moves rows.
    public var isMaintenance: Bool {
        isOptimizing || summary[Self.producerKey] == Self.expiry || summary[Self.producerKey] == Self.danglingDeletes
    }
}
