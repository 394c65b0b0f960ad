import Columnar
import Values

/// Result types of decimal arithmetic.
enum DecimalTypes {
    /// The decimal type of a long or int operand.
    static func of(integer: FieldType) -> (precision: Int, scale: Int) { integer == .long ? (19, 0) : (10, 0) }

    /// Limits a result type to 38 digits, as Flink and Spark do: integer digits take precedence, but up to six
    /// fractional digits are kept.
    static func adjusted(precision: Int, scale: Int) -> FieldType {
        if precision <= Decimals.maximumPrecision { return .decimal(precision: max(precision, 1), scale: scale) }
        let whole = precision - scale
        return .decimal(
            precision: Decimals.maximumPrecision,
            scale: max(Decimals.maximumPrecision - whole, min(scale, 6))
        )
    }

    static func result(
        _ operation: ArithmeticOperator,
        _ left: (precision: Int, scale: Int),
        _ right: (precision: Int, scale: Int)
    ) -> FieldType {
        let (p1, s1, p2, s2) = (left.precision, left.scale, right.precision, right.scale)
        switch operation {
        case .add, .subtract:
            let scale = max(s1, s2)
            return adjusted(precision: max(p1 - s1, p2 - s2) + scale + 1, scale: scale)
        case .multiply: return adjusted(precision: p1 + p2, scale: s1 + s2)
        case .divide:
            let scale = max(6, s1 + p2 + 1)
            return adjusted(precision: p1 - s1 + s2 + scale, scale: scale)
        case .remainder:
            let scale = max(s1, s2)
            return adjusted(precision: min(p1 - s1, p2 - s2) + scale, scale: scale)
        }
    }
}
