import Columnar
import Values

extension Node {
    /// A comparison of a column with a constant that holds for every row for which the condition is TRUE.
    struct Limit: Sendable {
        let slot: Int
        let comparison: RowFilter.Bound.Comparison
        let value: Scalar
    }

    /// The limits of `left comparison right`, if one side is a plain column and the other a constant.
    static func limits(_ comparison: Comparison, _ left: Node, _ right: Node) -> [Limit] {
        if let slot = left.slot, let value = right.constantValue, value != .null, let bound = comparison.bound {
            return [Limit(slot: slot, comparison: bound, value: value)]
        }
        if let slot = right.slot, let value = left.constantValue, value != .null, let bound = comparison.mirrored.bound
        {
            return [Limit(slot: slot, comparison: bound, value: value)]
        }
        return []
    }

    /// The limits of `column = a OR column = b …`: the minimum and maximum of the values.
    static func limits(ofChoices tests: [Node]) -> [Limit] {
        var low: Limit?
        var high: Limit?
        for test in tests {
            guard let limit = test.limits.first, limit.comparison == .equal else { return [] }
            if let known = low, let highest = high {
                guard known.slot == limit.slot, let isLess = limit.value.isLess(than: known.value),
                    let isMore = highest.value.isLess(than: limit.value)
                else { return [] }
                if isLess { low = limit }
                if isMore { high = limit }
            } else {
                (low, high) = (limit, limit)
            }
        }
        guard let low, let high else { return [] }
        return [
            Limit(slot: low.slot, comparison: .greaterOrEqual, value: low.value),
            Limit(slot: high.slot, comparison: .lessOrEqual, value: high.value),
        ]
    }
}

extension Comparison {
    fileprivate var bound: RowFilter.Bound.Comparison? {
        switch self {
        case .equal: .equal
        case .notEqual: nil
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        }
    }
}

extension Scalar {
    /// Whether a literal is less than another. Integers of any width and decimals of any scale are comparable; nil if
    /// the literals are not.
    fileprivate func isLess(than other: Scalar) -> Bool? {
        switch (self, other) {
        case (.int(let a), .long(let b)): Int64(a) < b
        case (.long(let a), .int(let b)): a < Int64(b)
        case (.decimal(let a, let s), .decimal(let b, let t)): Decimals.compare(a, s, b, t) < 0
        default: precedes(other)
        }
    }

    /// Converts the value to `type`; nil if the type cannot represent it exactly.
    func exactly(_ type: FieldType) -> Scalar? {
        switch (self, type) {
        case (.boolean, .boolean), (.int, .int), (.long, .long), (.date, .date), (.time, .time), (.string, .string),
            (.timestamp, .timestamp), (.timestamptz, .timestamptz), (.uuid, .uuid), (.binary, .binary):
            return self
        case (.fixed(let bytes), .fixed(let length)): return bytes.count == length ? self : nil
        case (.double(let value), .double): return value.isNaN ? nil : self
        case (.float(let value), .float): return value.isNaN ? nil : self
        case (.float(let value), .double): return value.isNaN ? nil : .double(Double(value))
        case (.double(let value), .float): return Double(Float(value)) == value ? .float(Float(value)) : nil
        case (.date(let day), .timestamp): return CivilTime.timestamp(day: Int(day)).map { .timestamp($0) }
        case (.date(let day), .timestamptz): return CivilTime.timestamp(day: Int(day)).map { .timestamptz($0) }
        default: break
        }
        guard let (value, scale) = exactNumber else { return nil }
        switch type {
        case .int, .long:
            guard let whole = Decimals.exactly(value, from: scale, to: 0) else { return nil }
            return type == .int ? Int32(exactly: whole).map { .int($0) } : Int64(exactly: whole).map { .long($0) }
        case .decimal(let precision, let target):
            guard let same = Decimals.exactly(value, from: scale, to: target), Decimals.fits(same, precision) else {
                return nil
            }
            return .decimal(same, scale: target)
        case .double, .float:
            // The comparison itself runs on doubles, so use the nearest double of the literal.
            let double = Decimals.double(value, scale: scale)
            if type == .double { return .double(double) }
            return Double(Float(double)) == double ? .float(Float(double)) : nil
        default: return nil
        }
    }

    private var exactNumber: (Int128, Int)? {
        switch self {
        case .int(let value): (Int128(value), 0)
        case .long(let value): (Int128(value), 0)
        case .decimal(let value, let scale): (value, scale)
        default: nil
        }
    }
}
