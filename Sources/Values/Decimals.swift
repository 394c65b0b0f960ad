/// Exact arithmetic on unscaled 128-bit numbers. Results are rounded half up, away from zero; nil means "does not fit".
/// Scales are from 0 to 38.
public enum Decimals {
    public static let maximumPrecision = 38

    @inlinable
    @inline(__always)
    public static func fits(_ value: Int128, _ precision: Int) -> Bool { value.magnitude < PowersOfTen.wide[precision] }

    /// The same number at another scale, rounded.
    @inlinable
    @inline(__always)
    public static func rescale(_ value: Int128, from scale: Int, to target: Int) -> Int128? {
        if scale == target { return value }
        if target > scale {
            let (product, overflow) = value.multipliedReportingOverflow(by: Int128(PowersOfTen.wide[target - scale]))
            return overflow ? nil : product
        }
        return roundedQuotient(
            high: 0,
            low: value.magnitude,
            by: PowersOfTen.wide[scale - target],
            isNegative: value < 0
        )
    }

    /// Divides a 256-bit magnitude and rounds.
    @usableFromInline
    static func roundedQuotient(high: UInt128, low: UInt128, by divisor: UInt128, isNegative: Bool) -> Int128? {
        guard high < divisor else { return nil }
        var (quotient, remainder) =
            high == 0 ? low.quotientAndRemainder(dividingBy: divisor) : divisor.dividingFullWidth((high, low))
        guard quotient < UInt128(Int128.max) else { return nil }
        // `remainder * 2` could overflow 128 bits.
        if remainder >= divisor - remainder { quotient += 1 }
        return isNegative ? -Int128(quotient) : Int128(quotient)
    }

    /// `left ± right`, each at its own scale, rounded to the result's scale.
    public static func sum(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int, scale: Int) -> Int128?
    {
        let common = max(leftScale, rightScale)
        if let a = rescale(left, from: leftScale, to: common), let b = rescale(right, from: rightScale, to: common) {
            let (sum, overflow) = a.addingReportingOverflow(b)
            if !overflow { return rescale(sum, from: common, to: scale) }
        }
        // The exact sum overflows 128 bits before rounding: compute it in 256 bits.
        let a = left.multipliedFullWidth(by: Int128(PowersOfTen.wide[common - leftScale]))
        let b = right.multipliedFullWidth(by: Int128(PowersOfTen.wide[common - rightScale]))
        let (low, carry) = a.low.addingReportingOverflow(b.low)
        let high = a.high + b.high + (carry ? 1 : 0)
        let isNegative = high < 0
        let magnitudeLow = isNegative ? ~low &+ 1 : low
        let magnitudeHigh =
            isNegative ? UInt128(truncatingIfNeeded: ~high) &+ (magnitudeLow == 0 ? 1 : 0) : UInt128(high)
        return roundedQuotient(
            high: magnitudeHigh,
            low: magnitudeLow,
            by: PowersOfTen.wide[common - scale],
            isNegative: isNegative
        )
    }

    /// `left − right`, like `sum`. `Int128.min`, which has no negative, is not a valid decimal, but files may contain
    /// it.
    public static func difference(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int, scale: Int)
        -> Int128?
    {
        right == .min ? nil : sum(left, leftScale, -right, rightScale, scale: scale)
    }

    /// A product whose exact scale is `productScale`, rounded to the result's scale.
    public static func product(_ left: Int128, _ right: Int128, productScale: Int, scale: Int) -> Int128? {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        if !overflow, productScale == scale { return product }
        // The result type of a product never drops more than 38 digits.
        let drop = productScale - scale
        let wide = left.magnitude.multipliedFullWidth(by: right.magnitude)
        return roundedQuotient(
            high: wide.high,
            low: wide.low,
            by: PowersOfTen.wide[drop],
            isNegative: (left < 0) != (right < 0)
        )
    }

    /// `left / right`, rounded to the result's scale; `right` is not zero.
    public static func quotient(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int, scale: Int)
        -> Int128?
    {
        let divisor = right.magnitude
        let isNegative = (left < 0) != (right < 0)
        let shift = scale - leftScale + rightScale
        if shift < 0 {
            let (larger, overflow) = divisor.multipliedReportingOverflow(by: PowersOfTen.wide[min(-shift, 38)])
            if overflow { return 0 }
            return roundedQuotient(high: 0, low: left.magnitude, by: larger, isNegative: isNegative)
        }
        let first = min(shift, 38)
        let wide = left.magnitude.multipliedFullWidth(by: PowersOfTen.wide[first])
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
    public static func remainder(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int) -> Int128 {
        let common = max(leftScale, rightScale)
        // A divisor that overflows 128 bits at the common scale is larger than the dividend.
        guard let divisor = rescale(right, from: rightScale, to: common)?.magnitude else { return left }
        let wide = (left.magnitude % divisor).multipliedFullWidth(by: PowersOfTen.wide[common - leftScale])
        let rest = Int128(divisor.dividingFullWidth((wide.high, wide.low)).remainder)
        return left < 0 ? -rest : rest
    }

    /// −1, 0 or 1.
    @inlinable
    @inline(__always)
    public static func compare(_ left: Int128, _ leftScale: Int, _ right: Int128, _ rightScale: Int) -> Int {
        var (left, right) = (left, right)
        if leftScale < rightScale {
            // A number that overflows 128 bits at the larger scale is further from zero than the other one.
            guard let larger = rescale(left, from: leftScale, to: rightScale) else { return left < 0 ? -1 : 1 }
            left = larger
        } else if rightScale < leftScale {
            guard let larger = rescale(right, from: rightScale, to: leftScale) else { return right < 0 ? 1 : -1 }
            right = larger
        }
        return left < right ? -1 : left == right ? 0 : 1
    }

    /// The same number at another scale without rounding; nil if digits would be lost.
    public static func exactly(_ value: Int128, from scale: Int, to target: Int) -> Int128? {
        guard let moved = rescale(value, from: scale, to: target) else { return nil }
        return target >= scale || compare(moved, target, value, scale) == 0 ? moved : nil
    }

    /// The nearest double.
    public static func double(_ value: Int128, scale: Int) -> Double {
        // Both operands are exact doubles, so the division rounds only once. Otherwise parse the text, which gives the
        // nearest double.
        if scale <= 22, value.magnitude < 1 << 53 {
            return Double(Int64(truncatingIfNeeded: value)) / Double(PowersOfTen.wide[scale])
        }
        return Double(ScalarText.text { $0.appendDecimal(value, scale: scale) }) ?? .nan
    }

    /// The nearest float.
    public static func float(_ value: Int128, scale: Int) -> Float {
        Float(ScalarText.text { $0.appendDecimal(value, scale: scale) }) ?? .nan
    }
}
