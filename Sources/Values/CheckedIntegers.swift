extension FixedWidthInteger where Self: SignedInteger {
    /// The quotient rounded down; the divisor is positive.
    @inlinable
    @inline(__always)
    public func floorDivided(by divisor: Self) -> Self {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        // Below zero a remainder means a divisor of at least two, so that the quotient is not the least number.
        return rest < 0 ? quotient &- 1 : quotient
    }

    /// What is left over after `floorDivided`: from zero up to the divisor, which is positive.
    @inlinable
    @inline(__always)
    public func floorRemainder(by divisor: Self) -> Self {
        let rest = self % divisor
        return rest < 0 ? rest &+ divisor : rest
    }

    /// The largest multiple of a positive divisor that is not above the number; nil when the type does not hold it.
    @inlinable
    @inline(__always)
    public func floorMultiple(of divisor: Self) -> Self? {
        let (multiple, overflow) = subtractingReportingOverflow(floorRemainder(by: divisor))
        return overflow ? nil : multiple
    }
}

extension FixedWidthInteger {
    /// The sum, or the end of the type that it passes: for totals over numbers that files name, which may be anything.
    @inlinable
    public func addingClamped(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the end of the type that it passes.
    @inlinable
    public func subtractingClamped(_ other: Self) -> Self {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}

extension Sequence where Element: FixedWidthInteger {
    /// The total, or the end of the type that it passes.
    @inlinable
    public func clampedSum() -> Element { reduce(0) { $0.addingClamped($1) } }
}
