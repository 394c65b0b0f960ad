import Columnar
import Values

// What a partition value says about the values it comes from. Types are narrower than some results: the multiple below
// the least int does not fit an int, nor do the hours of the outermost timestamps. Writers differ in what they make of it
// (Java wraps around), so that such partition values say nothing.
extension Transform {
    /// Whether the partition value says where its rows lie: no other values can have led to it.
    public func isCertain(_ value: Scalar) -> Bool { isCertain(from: value, to: value) }

    /// The same for all partition values between two.
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

    /// The only result of `truncate` that wraps around; nil when the least number is a multiple of the width.
    private static func wrapped<T: FixedWidthInteger & SignedInteger>(_ width: T) -> T? {
        width < 1 || T.min % width == 0 ? nil : floor(T.min, width)
    }

    /// From here on, and below its negative, an hour may be that of a timestamp 2³² hours away.
    private static let ambiguousHour: Int32 = {
        let last = Int64.max.floorDivided(by: CivilTime.microsecondsPerHour)
        return Int32(clamping: (1 << 32) - last - 1)
    }()

    /// The transformed value of a bound; nil when it is none to prune by.
    public func certainly(_ value: Scalar) -> Scalar? {
        guard let result = try? apply(value), result != .null else { return nil }
        // A saturated hour keeps the order of timestamps; a wrapped multiple does not keep that of numbers.
        if case .truncate = self { return isCertain(result) ? result : nil }
        return result
    }
}

extension Optional where Wrapped: Comparable {
    fileprivate func isWithin(_ low: Wrapped, _ high: Wrapped) -> Bool { map { low <= $0 && $0 <= high } ?? false }
}
