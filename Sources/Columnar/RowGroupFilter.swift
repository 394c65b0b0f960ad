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
            case .absent(let value): if !Self.mayHold(bound, from: value, to: value) { tests.append(.never) }
            case .unknown: continue
            }
        }
    }

    func mayHold(_ rowGroup: Int32, in file: ParquetFile) throws(WeirError) -> Bool {
        for test in tests {
            guard case .statistics(let bound, let column) = test else { return false }
            guard column.leaf >= 0 else { continue }
            let statistics = try file.statistics(of: column, rowGroup: rowGroup)
            if !Self.mayHold(bound, statistics) { return false }
        }
        return true
    }

    static func mayHold(_ bound: RowFilter.Bound, _ statistics: ParquetStatistics) -> Bool {
        if let nulls = statistics.nullCount, nulls == statistics.valueCount, nulls > 0 { return false }
        return mayHold(bound, from: statistics.lower, to: statistics.upper)
    }

    /// Whether some value between the two (nil: unlimited) is within a bound.
    private static func mayHold(_ bound: RowFilter.Bound, from lower: Scalar?, to upper: Scalar?) -> Bool {
        let value = bound.value
        let lower = lower?.promoted(toMatch: value)
        let upper = upper?.promoted(toMatch: value)
        let isBelowLower = lower.map { value.precedes($0) == true } ?? false
        let isAboveUpper = upper.map { $0.precedes(value) == true } ?? false
        switch bound.comparison {
        case .equal: return !isBelowLower && !isAboveUpper
        case .less: return lower.map { $0.precedes(value) != false } ?? true
        case .lessOrEqual: return !isBelowLower
        // Bounds say nothing about NaN, which sorts above every number.
        case .greater: return value.isFloatingPoint || (upper.map { value.precedes($0) != false } ?? true)
        case .greaterOrEqual: return value.isFloatingPoint || !isAboveUpper
        }
    }
}

extension Scalar {
    fileprivate var isFloatingPoint: Bool {
        switch self {
        case .float, .double: true
        default: false
        }
    }

    /// A value in the type of `other`, if Iceberg's promotions or the reader's conversions lead there.
    fileprivate func promoted(toMatch other: Scalar) -> Scalar {
        switch (self, other) {
        case (.int(let value), .long): .long(Int64(value))
        case (.float(let value), .double): .double(Double(value))
        case (.string(let value), .binary): .binary(Array(value.utf8))
        default: self
        }
    }
}
