/// Calendar arithmetic on days and microseconds since 1970, proleptic Gregorian, without time zones.
public enum CivilTime {
    public static let microsecondsPerDay: Int64 = 86_400_000_000
    public static let microsecondsPerHour: Int64 = 3_600_000_000

    /// The day and the microseconds within it. The days of all 64-bit timestamps fit 32 bits.
    @inlinable
    @inline(__always)
    public static func split(_ microseconds: Int64) -> (day: Int32, time: Int64) {
        let day = microseconds.floorDivided(by: microsecondsPerDay)
        return (Int32(truncatingIfNeeded: day), microseconds.floorRemainder(by: microsecondsPerDay))
    }

    /// Microseconds since 1970 of a day and time of day; nil if 64 bits cannot hold it.
    @inlinable
    public static func timestamp(day: Int, time: Int64 = 0) -> Int64? {
        // The midnight of the first representable day is itself below `Int64.min`, so it is computed in 128 bits.
        let (midnight, overflow) = Int128(day).multipliedReportingOverflow(by: Int128(microsecondsPerDay))
        return overflow ? nil : Int64(exactly: midnight + Int128(time))
    }

    /// Years since 1970.
    @inlinable
    @inline(__always)
    public static func years(day: Int32) -> Int32 {
        Int32(truncatingIfNeeded: CivilDate(daysSinceEpoch: Int(day)).year - 1970)
    }

    /// Months since January 1970.
    @inlinable
    @inline(__always)
    public static func months(day: Int32) -> Int32 {
        let date = CivilDate(daysSinceEpoch: Int(day))
        return Int32(truncatingIfNeeded: (date.year - 1970) * 12 + date.month - 1)
    }

    /// Hours since 1970. 64-bit timestamps reach some 290,000 years, 32-bit hours only 245,000. Hours beyond that are
    /// clamped, so that the order of timestamps is kept.
    @inlinable
    @inline(__always)
    public static func hours(_ microseconds: Int64) -> Int32 {
        Int32(clamping: microseconds.floorDivided(by: microsecondsPerHour))
    }
}

/// A unit of time to which instants are truncated.
public enum CivilUnit: String, Sendable, CaseIterable {
    case year, quarter, month, week, day, hour, minute, second

    /// The length in microseconds, for units below a day.
    @inlinable
    public var microseconds: Int64? {
        switch self {
        case .hour: 3_600_000_000
        case .minute: 60_000_000
        case .second: 1_000_000
        case .year, .quarter, .month, .week, .day: nil
        }
    }

    /// The first day of the unit that contains a day; the day itself for units below a day. It may be below
    /// `Int32.min`.
    @inlinable
    public func firstDay(_ day: Int32) -> Int {
        let date = CivilDate(daysSinceEpoch: Int(day))
        switch self {
        case .year: return CivilDate.daysSinceEpoch(year: date.year, month: 1, day: 1)
        case .quarter: return CivilDate.daysSinceEpoch(year: date.year, month: (date.month - 1) / 3 * 3 + 1, day: 1)
        case .month: return Int(day) - date.day + 1
        // 1970-01-01 was a Thursday; weeks begin on Monday.
        case .week: return Int(day) - (Int(day) + 3).floorRemainder(by: 7)
        case .day, .hour, .minute, .second: return Int(day)
        }
    }

    /// The start of the unit in microseconds since 1970; nil if 64 bits cannot hold it.
    @inlinable
    public func start(_ microseconds: Int64) -> Int64? {
        if let length = self.microseconds { return microseconds.floorMultiple(of: length) }
        return CivilTime.timestamp(day: firstDay(CivilTime.split(microseconds).day))
    }
}
