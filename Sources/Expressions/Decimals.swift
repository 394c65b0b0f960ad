import Columnar

/// Exact arithmetic on unscaled 128-bit numbers. Results are rounded half up, away from zero; nil means "does not fit".
enum Decimals {
    static let maximumPrecision = 38
    static let powers: [UInt128] = (0...38).map { exponent in
        (0..<exponent).reduce(UInt128(1)) { power, _ in power * 10 }
    }

    /// The type a long or int takes part as.
    static func type(of integer: FieldType) -> (precision: Int, scale: Int) { integer == .long ? (19, 0) : (10, 0) }

    /// Precision and scale of a result, as Flink and Spark derive them: digits before the point go first when 38 do not
    /// hold both sides, but up to six digits behind the point stay.
    static func adjusted(precision: Int, scale: Int) -> FieldType {
        if precision <= maximumPrecision { return .decimal(precision: max(precision, 1), scale: scale) }
        let whole = precision - scale
        return .decimal(precision: maximumPrecision, scale: max(maximumPrecision - whole, min(scale, 6)))
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

    @inline(__always)
    static func fits(_ value: Int128, _ precision: Int) -> Bool { value.magnitude < powers[precision] }

    /// The same number at another scale.
    @inline(__always)
    static func rescale(_ value: Int128, from scale: Int, to target: Int) -> Int128? {
        if scale == target { return value }
        if target > scale {
            let (product, overflow) = value.multipliedReportingOverflow(by: Int128(powers[target - scale]))
            return overflow ? nil : product
        }
        return roundedQuotient(high: 0, low: value.magnitude, by: powers[scale - target], isNegative: value < 0)
    }

    /// A 256-bit magnitude divided and rounded.
    private static func roundedQuotient(high: UInt128, low: UInt128, by divisor: UInt128, isNegative: Bool) -> Int128? {
        guard high < divisor else { return nil }
        var (quotient, remainder) =
            high == 0 ? low.quotientAndRemainder(dividingBy: divisor) : divisor.dividingFullWidth((high, low))
        guard quotient < UInt128(Int128.max) else { return nil }
        // remainder * 2 could pass 128 bits.
        if remainder >= divisor - remainder { quotient += 1 }
        return isNegative ? -Int128(quotient) : Int128(quotient)
    }

    /// `left ± right`, each at its own scale, at the result's scale.
    static func sum(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int, scale: Int) -> Int128? {
        let common = max(leftScale, rightScale)
        if let a = rescale(left, from: leftScale, to: common), let b = rescale(right, from: rightScale, to: common) {
            let (sum, overflow) = a.addingReportingOverflow(b)
            if !overflow { return rescale(sum, from: common, to: scale) }
        }
        // Over 128 bits before rounding: the same in 256.
        let a = left.multipliedFullWidth(by: Int128(powers[common - leftScale]))
        let b = right.multipliedFullWidth(by: Int128(powers[common - rightScale]))
        let (low, carry) = a.low.addingReportingOverflow(b.low)
        let high = a.high + b.high + (carry ? 1 : 0)
        let isNegative = high < 0
        let magnitudeLow = isNegative ? ~low &+ 1 : low
        let magnitudeHigh =
            isNegative ? UInt128(truncatingIfNeeded: ~high) &+ (magnitudeLow == 0 ? 1 : 0) : UInt128(high)
        return roundedQuotient(
            high: magnitudeHigh,
            low: magnitudeLow,
            by: powers[common - scale],
            isNegative: isNegative
        )
    }

    /// A product whose exact scale is `productScale`, at the result's scale.
    static func product(_ left: Int128, _ right: Int128, productScale: Int, scale: Int) -> Int128? {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        if !overflow, productScale == scale { return product }
        // The result type of two decimals never drops more than 38 digits.
        let drop = productScale - scale
        let wide = left.magnitude.multipliedFullWidth(by: right.magnitude)
        return roundedQuotient(high: wide.high, low: wide.low, by: powers[drop], isNegative: (left < 0) != (right < 0))
    }

    /// `left / right` at the result's scale; `right` is not zero.
    static func quotient(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int, scale: Int) -> Int128? {
        let divisor = right.magnitude
        let isNegative = (left < 0) != (right < 0)
        let shift = scale - leftScale + rightScale
        if shift < 0 {
            let (larger, overflow) = divisor.multipliedReportingOverflow(by: powers[min(-shift, 38)])
            if overflow { return 0 }
            return roundedQuotient(high: 0, low: left.magnitude, by: larger, isNegative: isNegative)
        }
        let first = min(shift, 38)
        let wide = left.magnitude.multipliedFullWidth(by: powers[first])
        if shift == first {
            return roundedQuotient(high: wide.high, low: wide.low, by: divisor, isNegative: isNegative)
        }
        guard wide.high < divisor else { return nil }
        var (quotient, remainder) = divisor.dividingFullWidth((wide.high, wide.low))
        for _ in first..<shift {
            let next = remainder.multipliedFullWidth(by: 10)
            let (digit, rest) = divisor.dividingFullWidth((next.high, next.low))
            let (tenfold, overflow) = quotient.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            let (sum, overflowToo) = tenfold.addingReportingOverflow(digit)
            if overflowToo { return nil }
            quotient = sum
            remainder = rest
        }
        guard quotient < UInt128(Int128.max) else { return nil }
        if remainder >= divisor - remainder { quotient += 1 }
        return isNegative ? -Int128(quotient) : Int128(quotient)
    }

    /// `left % right` at the larger of both scales, with the sign of `left`; `right` is not zero.
    static func remainder(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int) -> Int128 {
        let common = max(leftScale, rightScale)
        // A divisor that outgrows 128 bits at the common scale is larger than the dividend.
        guard let divisor = rescale(right, from: rightScale, to: common)?.magnitude else { return left }
        let wide = (left.magnitude % divisor).multipliedFullWidth(by: powers[common - leftScale])
        let rest = Int128(divisor.dividingFullWidth((wide.high, wide.low)).remainder)
        return left < 0 ? -rest : rest
    }

    /// −1, 0 or 1.
    @inline(__always)
    static func compare(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int) -> Int {
        var (left, right) = (left, right)
        if leftScale < rightScale {
            // A number that outgrows 128 bits at the finer scale is further from zero than the other one.
            guard let larger = rescale(left, from: leftScale, to: rightScale) else { return left < 0 ? -1 : 1 }
            left = larger
        } else if rightScale < leftScale {
            guard let larger = rescale(right, from: rightScale, to: leftScale) else { return right < 0 ? 1 : -1 }
            right = larger
        }
        return left < right ? -1 : left == right ? 0 : 1
    }
}
