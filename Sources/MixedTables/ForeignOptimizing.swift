import IcebergFormat
import IcebergTables

extension MixedTable {
    static let selfOptimizingProperty = "self-optimizing.enabled"

    /// Whether Amoro optimizes base: it has done so, as far as the history goes back, and is not told to leave the table
    /// alone.
    ///
    /// It rewrites files without a look at the deletes that came to them since it has read them (spec sections 6.2, 6.5),
    /// so nobody else may move changes into base at the same time. Compactions of other engines look.
    var isOptimizedElsewhere: Bool {
        // Amoro's reading of the property: true without a value, and otherwise only when it says so.
        guard (properties[Self.selfOptimizingProperty] ?? "true").lowercased() == "true" else { return false }
        return ExpiredBaseCommits.haveForeignOptimizer(base.metadata)
            || base.metadata.mainAncestors.contains(where: \.isForeignOptimizing)
    }
}

extension Snapshot {
    /// Whether another optimizer of Mixed tables has made the commit.
    var isForeignOptimizing: Bool { isOptimizersCommit && !OptimizedSequence.isOwn(self) }
}
