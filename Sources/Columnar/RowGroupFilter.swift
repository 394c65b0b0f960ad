import Bytes

/// Decides from a footer's statistics which row groups can hold rows within bounds. When in doubt, they can.
struct RowGroupFilter {
    private struct Test {
        let bound: RowFilter.Bound
        /// Nil when the file lacks the column, so that every value is null.
        let column: ParquetColumn?
    }

    private var tests: [Test] = []

    /// In a file without field ids columns are matched by the name that `schema` gives them; a bound on a column that
    /// `schema` does not have decides nothing there.
    init(_ bounds: [RowFilter.Bound], schema: Schema, columns: [ParquetColumn]) {
        let usesNames = columns.allSatisfy { $0.fieldID < 0 }
        for bound in bounds {
            let name = schema.field(id: bound.field)?.name
            if usesNames, name == nil { continue }
            let column = columns.first { usesNames ? $0.name == name : $0.fieldID == bound.field }
            tests.append(Test(bound: bound, column: column))
        }
    }

    func mayHold(_ rowGroup: Int32, in file: ParquetFile) throws(WeirError) -> Bool {
        for test in tests {
            // A null is within no bounds.
            guard let column = test.column else { return false }
            guard column.leaf >= 0 else { continue }
            let statistics = try file.statistics(of: column, rowGroup: rowGroup)
            if !Self.mayHold(test.bound, statistics) { return false }
        }
        return true
    }

    static func mayHold(_ bound: RowFilter.Bound, _ statistics: ParquetStatistics) -> Bool {
        if let nulls = statistics.nullCount, nulls == statistics.valueCount, nulls > 0 { return false }
        let value = bound.value
        let lower = statistics.lower?.promoted(toMatch: value)
        let upper = statistics.upper?.promoted(toMatch: value)
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
