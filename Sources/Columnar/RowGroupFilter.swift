import Bytes

/// Decides from a footer's statistics which row groups can hold rows within bounds. When in doubt, they can.
struct RowGroupFilter {
    private enum Test {
        case statistics(RowFilter.Bound, ParquetColumn)
        /// The file lacks the column, and no row passes with the value that stands for it.
        case never
    }

    private var tests: [Test] = []

    /// A bound on a column that `schema` does not have decides nothing in a file whose columns are found by their names
    /// in the schema.
    init(_ bounds: [RowFilter.Bound], schema: Schema, _ lookup: FileColumnLookup) {
        for bound in bounds {
            switch lookup.match(field: bound.field, name: schema.field(id: bound.field)?.name) {
            case .column(let column): tests.append(.statistics(bound, column))
            // A null is within no bounds.
            case .absent(.null): tests.append(.never)
            case .absent(let value): if !bound.mayHold(in: ColumnBounds(constant: value)) { tests.append(.never) }
            case .unknown: continue
            }
        }
    }

    func mayHold(_ rowGroup: Int32, in file: ParquetFile) throws(WeirError) -> Bool {
        for test in tests {
            guard case .statistics(let bound, let column) = test else { return false }
            guard column.leaf >= 0 else { continue }
            let statistics = try file.statistics(of: column, rowGroup: rowGroup)
            if !bound.mayHold(in: statistics.bounds) { return false }
        }
        return true
    }
}
