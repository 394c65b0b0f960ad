extension FixedWidthInteger where Self: SignedInteger {
    /// The quotient rounded down; the divisor is positive.
    @inlinable
    @inline(__always)
    public func floorDivided(by divisor: Self) -> Self {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        // A negative remainder implies a divisor of at least two, so the quotient is above `Self.min` and cannot
        // overflow.
        return rest < 0 ? quotient &- 1 : quotient
    }

    /// The remainder of `floorDivided`: at least zero and below the positive divisor.
    @inlinable
    @inline(__always)
    public func floorRemainder(by divisor: Self) -> Self {
        let rest = self % divisor
        return rest < 0 ? rest &+ divisor : rest
    }

    /// The largest multiple of a positive divisor that is not above the number; nil if it does not fit the type.
    @inlinable
    @inline(__always)
    public func floorMultiple(of divisor: Self) -> Self? {
        let (multiple, overflow) = subtractingReportingOverflow(floorRemainder(by: divisor))
        return overflow ? nil : multiple
    }
}

extension FixedWidthInteger {
    /// The sum, clamped to the range of the type. For totals of numbers from files, which may have any value.
    @inlinable
    public func addingClamped(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, clamped to the range of the type.
    @inlinable
    public func subtractingClamped(_ other: Self) -> Self {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}

extension Sequence where Element: FixedWidthInteger {
    /// The total, clamped to the range of the type.
    @inlinable
    public func clampedSum() -> Element { reduce(0) { $0.addingClamped($1) } }
}
