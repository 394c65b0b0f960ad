import Columnar
import Values

// What a partition value implies about its source values. Some results do not fit their type: the multiple below the
// least int does not fit an int, and the hours of the outermost timestamps do not fit either. Writers handle these
// differently (Java wraps around), so such partition values cannot be used for pruning.
extension Transform {
    /// Whether the partition value determines the range of its source values: no value outside of it has the same
    /// result.
    public func isCertain(_ value: Scalar) -> Bool { isCertain(from: value, to: value) }

    /// The same for all partition values in a range.
    public func isCertain(from lower: Scalar, to upper: Scalar) -> Bool {
        switch (self, lower, upper) {
        case (.truncate(let width), .int(let low), .int(let high)):
            !Self.wrapped(Int32(truncatingIfNeeded: width)).isWithin(low, high)
        case (.truncate(let width), .long(let low), .long(let high)): !Self.wrapped(Int64(width)).isWithin(low, high)
        case (.truncate(let width), .decimal(let low, _), .decimal(let high, _)):
            !Self.wrapped(Int128(width)).isWithin(low, high)
        case (.hour, .int(let low), .int(let high)): low > -Self.ambiguousHour && high < Self.ambiguousHour
        default: true
        }
    }

    /// The only result of `truncate` that wraps around; nil if the least number is a multiple of the width.
    private static func wrapped<T: FixedWidthInteger & SignedInteger>(_ width: T) -> T? {
        width < 1 || T.min % width == 0 ? nil : floor(T.min, width)
    }

    /// From this hour on, and at or below its negative, a wrapped hour may belong to a timestamp 2³² hours away.
    private static let ambiguousHour: Int32 = {
        let last = Int64.max.floorDivided(by: CivilTime.microsecondsPerHour)
        return Int32(clamping: (1 << 32) - last - 1)
    }()

    /// The transformed value of a bound; nil if it cannot be used for pruning.
    public func certainly(_ value: Scalar) -> Scalar? {
        guard let result = try? apply(value), result != .null else { return nil }
        // Clamped hours keep the order of timestamps; wrapped multiples do not keep the order of numbers.
        if case .truncate = self { return isCertain(result) ? result : nil }
        return result
    }
}

extension Optional where Wrapped: Comparable {
    fileprivate func isWithin(_ low: Wrapped, _ high: Wrapped) -> Bool { map { low <= $0 && $0 <= high } ?? false }
}
