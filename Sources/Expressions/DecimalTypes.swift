import Columnar
import Values

/// The types that decimal arithmetic leads to.
enum DecimalTypes {
    /// The type a long or int takes part as.
    static func of(integer: FieldType) -> (precision: Int, scale: Int) { integer == .long ? (19, 0) : (10, 0) }

    /// Precision and scale of a result, as Flink and Spark derive them: digits before the point go first when 38 do not
    /// hold both sides, but up to six digits behind the point stay.
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
