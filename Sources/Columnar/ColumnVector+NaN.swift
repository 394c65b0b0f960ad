extension ColumnVector {
    /// The number of NaN values, nulls excluded; zero for types without NaN.
    public var nanCount: Int64 {
        switch type {
        case .float: countNaN(Float.self)
        case .double: countNaN(Double.self)
        default: 0
        }
    }

    private func countNaN<T: BinaryFloatingPoint & BitwiseCopyable>(_ type: T.Type) -> Int64 {
        let rows = pointer(as: T.self)
        var found: Int64 = 0
        for row in 0..<count { found &+= rows[row] == rows[row] ? 0 : 1 }
        guard found > 0, validity != nil else { return found }
        // The value of a null row may be NaN.
        found = 0
        for row in 0..<count where rows[row] != rows[row] && !isNull(row) { found += 1 }
        return found
    }
}
