/// Dates computed by counting years and months instead of a formula.
public struct CountedDate: Equatable {
    public let year: Int
    public let month: Int
    public let day: Int

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    private static func lengths(_ year: Int) -> [Int] {
        [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    }

    /// From days since 1970-01-01.
    public init(_ days: Int) {
        // 400 years have 146,097 days; the rest is counted.
        var (cycles, rest) = days.quotientAndRemainder(dividingBy: 146_097)
        if rest < 0 {
            cycles -= 1
            rest += 146_097
        }
        var year = 1970
        while rest >= (Self.isLeap(year) ? 366 : 365) {
            rest -= Self.isLeap(year) ? 366 : 365
            year += 1
        }
        var month = 0
        let lengths = Self.lengths(year)
        while rest >= lengths[month] {
            rest -= lengths[month]
            month += 1
        }
        self.year = year + 400 * cycles
        self.month = month + 1
        self.day = rest + 1
    }

    /// The day of the year, from 1.
    public var dayOfYear: Int { Self.lengths(year)[..<(month - 1)].reduce(day - 1, +) }

    /// ISO 8601.
    public var text: String { (year > 9999 ? "+" : "") + plainText }

    /// ISO 8601 without a plus sign for years above 9999.
    public var plainText: String {
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number.magnitude)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(year < 0 ? "-" : "")\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}

/// Splits microseconds into whole days and the microseconds of the day.
public func daysAndTime(_ microseconds: Int64) -> (days: Int, time: Int64) {
    let wide = Int128(microseconds)
    var days = wide / 86_400_000_000
    if days * 86_400_000_000 > wide { days -= 1 }
    return (Int(days), Int64(wide - days * 86_400_000_000))
}
