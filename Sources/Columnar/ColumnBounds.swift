/// What is known about the values of one column in some part of a table: a file, a row group, or the rows of a partition.
public struct ColumnBounds: Sendable {
    /// No value except NaN is smaller; nil when unknown.
    public var lower: Scalar?
    /// No value except NaN is larger; nil when unknown.
    public var upper: Scalar?
    /// Number of rows, nulls included; nil when unknown.
    public var valueCount: Int64?
    public var nullCount: Int64?
    /// Whether there may be NaN values. The bounds exclude them; NaN sorts above every number.
    public var mayHoldNaN: Bool

    public init(
        lower: Scalar?,
        upper: Scalar?,
        valueCount: Int64? = nil,
        nullCount: Int64? = nil,
        mayHoldNaN: Bool = false
    ) {
        self.lower = lower
        self.upper = upper
        self.valueCount = valueCount
        self.nullCount = nullCount
        self.mayHoldNaN = mayHoldNaN
    }

    /// The bounds of a column with the same value in all rows.
    public init(constant value: Scalar) { self.init(lower: value, upper: value) }

    /// Whether all values are null.
    var isNull: Bool {
        guard let nullCount, let valueCount else { return false }
        return nullCount > 0 && nullCount == valueCount
    }
}

extension RowFilter.Bound {
    /// Whether some value of a column may be within this bound; true if unknown.
    public func mayHold(in column: ColumnBounds) -> Bool {
        // Nulls never match a bound.
        if column.isNull { return false }
        // Values that cannot be compared (nil) exclude nothing.
        let toLower = column.lower.flatMap { value.comparison(with: $0.promoted(toMatch: value)) }
        let toUpper = column.upper.flatMap { value.comparison(with: $0.promoted(toMatch: value)) }
        return switch comparison {
        case .less: toLower != .before && toLower != .same
        case .lessOrEqual: toLower != .before
        case .equal: toLower != .before && toUpper != .behind
        case .greaterOrEqual: column.mayHoldNaN || toUpper != .behind
        case .greater: column.mayHoldNaN || (toUpper != .behind && toUpper != .same)
        }
    }
}

private enum Comparison { case before, same, behind }

extension Scalar {
    /// Compares this value with another; nil when they cannot be compared.
    fileprivate func comparison(with other: Scalar) -> Comparison? {
        guard let isBefore = precedes(other), let isBehind = other.precedes(self) else { return nil }
        return isBefore ? .before : isBehind ? .behind : .same
    }

    /// The value converted to the type of `other`, if Iceberg's promotions or the reader's conversions allow it;
    /// otherwise unchanged.
    fileprivate func promoted(toMatch other: Scalar) -> Scalar {
        switch (self, other) {
        case (.int(let value), .long): .long(Int64(value))
        case (.float(let value), .double): .double(Double(value))
        case (.string(let value), .binary): .binary(Array(value.utf8))
        default: self
        }
    }

    public var isNaN: Bool {
        switch self {
        case .float(let number): number.isNaN
        case .double(let number): number.isNaN
        default: false
        }
    }
}

extension FieldType {
    public var isFloating: Bool { self == .float || self == .double }
}
