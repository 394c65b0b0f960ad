import Bytes

/// A filter in the two forms a scan needs: bounds for pruning files and row groups, and the exact test of rows.
public struct RowFilter: Sendable {
    /// One necessary condition on one column. All bounds of a filter hold for every row that passes.
    public struct Bound: Sendable, Hashable {
        public enum Comparison: Sendable, Hashable { case less, lessOrEqual, equal, greaterOrEqual, greater }
        /// Iceberg field id.
        public let field: Int
        public let comparison: Comparison
        /// Of the column's type; never null.
        public let value: Scalar

        public init(field: Int, _ comparison: Comparison, _ value: Scalar) {
            self.field = field
            self.comparison = comparison
            self.value = value
        }
    }

    /// Field ids of the columns the test reads.
    public let fields: Set<Int>
    public let bounds: [Bound]
    /// Whether few rows pass and the test fails for none, not even for deleted ones. Large files are then searched by the
    /// columns of the test before others are read.
    public let isSelective: Bool
    /// The rows of a batch that pass, ascending. The batch holds at least the columns in `fields`.
    public let select: @Sendable (ColumnBatch) throws(WeirError) -> [Int32]

    public init(
        fields: Set<Int>,
        bounds: [Bound],
        isSelective: Bool = false,
        select: @escaping @Sendable (ColumnBatch) throws(WeirError) -> [Int32]
    ) {
        self.fields = fields
        self.bounds = bounds
        self.isSelective = isSelective
        self.select = select
    }
}
