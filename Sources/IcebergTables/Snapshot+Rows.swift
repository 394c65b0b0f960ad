import IcebergFormat

/// What a commit says of the rows of its table.
extension Snapshot {
    static let producerKey = "snapshot.producer"
    private static let optimizer = "OPTIMIZE"

    /// What the summary of a commit says that moves rows between files, or from the change store into base.
    public static let optimizingSummary = [producerKey: optimizer]

    /// Whether an optimizer of Mixed tables has made it, of any writer.
    public var isOptimizersCommit: Bool { summary[Self.producerKey] == Self.optimizer }

    /// Whether the commit is an optimizer's, or a compaction. Every key of the table is kept.
    public var isOptimizing: Bool { operation == SnapshotOperation.replace.rawValue || isOptimizersCommit }

    /// False for commits without files, which some engines make at the start of their transactions.
    public var changesRows: Bool {
        // Summaries may omit counts that are zero.
        let counts = [
            "added-data-files", "deleted-data-files", "added-delete-files", "removed-delete-files",
        ].compactMap { summary[$0].flatMap { Int64($0) } }
        guard counts.isEmpty else { return counts.contains { $0 > 0 } }
        return operation != "append" || summary["total-records"] == nil || (summary["added-records"] ?? "0") != "0"
    }
}
