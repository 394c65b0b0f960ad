/// What is known about the values of one column in some part of a table: a file, a row group, or the rows of a partition.
public struct ColumnBounds: Sendable {
    /// No value but NaN is smaller; nil when nothing is known.
    public var lower: Scalar?
    /// No value but NaN is larger; nil when nothing is known.
    public var upper: Scalar?
    /// Rows, nulls among them; nil when nothing is known.
    public var valueCount: Int64?
    public var nullCount: Int64?
    /// Whether there may be NaN, which the bounds leave out and which sorts above every number.
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

    /// Of a column that has one value in all rows.
    public init(constant value: Scalar) { self.init(lower: value, upper: value) }

    /// Whether all values are null.
    var isNull: Bool {
        guard let nullCount, let valueCount else { return false }
        return nullCount > 0 && nullCount == valueCount
    }
}

extension RowFilter.Bound {
    /// Whether some value of a column may be within this bound. In doubt, it may.
    public func mayHold(in column: ColumnBounds) -> Bool {
        // A null is within no bounds.
        if column.isNull { return false }
        // What cannot be compared (nil) rules nothing out.
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
    /// Where this value stands beside another; nil when the two cannot be compared.
    fileprivate func comparison(with other: Scalar) -> Comparison? {
        guard let isBefore = precedes(other), let isBehind = other.precedes(self) else { return nil }
        return isBefore ? .before : isBehind ? .behind : .same
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
