import Columnar

/// Time units as transforms count them, and their text in partition paths; all divisions round down.
enum Calendar {
    static let microsPerDay: Int64 = 86_400_000_000
    static let microsPerHour: Int64 = 3_600_000_000

    @inline(__always)
    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    @inline(__always)
    static func yearsSinceEpoch(days: Int64) -> Int32 {
        Int32(truncatingIfNeeded: CivilDate(daysSinceEpoch: Int(days)).year - 1970)
    }

    @inline(__always)
    static func monthsSinceEpoch(days: Int64) -> Int32 {
        let date = CivilDate(daysSinceEpoch: Int(days))
        return Int32(truncatingIfNeeded: (date.year - 1970) * 12 + date.month - 1)
    }

    /// `2024-01-02`.
    static func dayText(_ days: Int64) -> String {
        let date = CivilDate(daysSinceEpoch: Int(days))
        return "\(yearText(date.year))-\(padded(Int64(date.month), 2))-\(padded(Int64(date.day), 2))"
    }

    static func yearText(_ year: Int) -> String { padded(Int64(year), 4) }

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
