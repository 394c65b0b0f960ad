import Bytes

/// Decides from a footer's statistics which row groups may hold rows within bounds; unknown counts as yes.
struct RowGroupFilter {
    private enum Test {
        case statistics(RowFilter.Bound, ParquetColumn)
        /// The file lacks the column, and its substitute value does not match.
        case never
    }

    private var tests: [Test] = []

    /// If columns are matched by name, a bound on a column that is not in `schema` is ignored.
    init(_ bounds: [RowFilter.Bound], schema: Schema, _ lookup: FileColumnLookup) {
        for bound in bounds {
            switch lookup.match(field: bound.field, name: schema.field(id: bound.field)?.name) {
            case .column(let column): tests.append(.statistics(bound, column))
            // Nulls never match a bound.
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
