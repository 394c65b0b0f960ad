/// Proleptic Gregorian calendar arithmetic on days since 1970-01-01; all divisions round down.
enum Calendar {
    static let microsPerDay: Int64 = 86_400_000_000
    static let microsPerHour: Int64 = 3_600_000_000

    @inline(__always)
    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    /// Year, month 1…12 and day 1…31 of a day number (Howard Hinnant's algorithm).
    @inline(__always)
    static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    @inline(__always)
    static func yearsSinceEpoch(days: Int64) -> Int32 { Int32(truncatingIfNeeded: civil(days).year - 1970) }

    @inline(__always)
    static func monthsSinceEpoch(days: Int64) -> Int32 {
        let date = civil(days)
        return Int32(truncatingIfNeeded: (date.year - 1970) * 12 + date.month - 1)
    }

    /// `2024-01-02`.
    static func dayText(_ days: Int64) -> String {
        let date = civil(days)
        return "\(yearText(date.year))-\(padded(date.month, 2))-\(padded(date.day, 2))"
    }

    static func yearText(_ year: Int64) -> String { padded(year, 4) }

    static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// `10:15`, `10:15:30`, `10:15:30.250`: seconds and fraction only where they are not zero, as Java prints a time.
    static func timeText(_ microsOfDay: Int64) -> String {
        let seconds = microsOfDay / 1_000_000
        let micros = microsOfDay % 1_000_000
        var text = padded(seconds / 3600, 2) + ":" + padded(seconds / 60 % 60, 2)
        if seconds % 60 != 0 || micros != 0 { text += ":" + padded(seconds % 60, 2) }
        if micros != 0 { text += "." + (micros % 1000 == 0 ? padded(micros / 1000, 3) : padded(micros, 6)) }
        return text
    }
}
