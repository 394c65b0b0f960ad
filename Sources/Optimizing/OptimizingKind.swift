/// The kinds of optimizing, cheapest first (spec section 10.3).
public enum OptimizingKind: String, Sendable, CaseIterable, Comparable {
    /// Merges fragments, and gives each data file deletes of its own.
    case minor
    /// Rewrites files with many deleted rows, and merges undersized ones.
    case major
    /// Rewrites whole partitions.
    case full

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    public static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}
