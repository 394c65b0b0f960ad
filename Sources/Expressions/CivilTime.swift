/// Calendar arithmetic on days and microseconds since 1970, proleptic Gregorian, without time zones.
enum CivilTime {
    static let microsecondsPerDay: Int64 = 86_400_000_000

    struct Date: Hashable {
        let year: Int
        let month: Int
        let day: Int
    }

    /// The date of a day number. After Howard Hinnant's `civil_from_days`: eras of 400 years that begin in March.
    static func date(ofDay day: Int) -> Date {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return Date(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
            month: month,
            day: dayOfYear - (153 * marchMonth + 2) / 5 + 1
        )
    }

    /// The day number of a date; the parts must be a real date.
    static func day(of date: Date) -> Int {
        let year = date.month <= 2 ? date.year - 1 : date.year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let marchMonth = date.month > 2 ? date.month - 3 : date.month + 9
        let dayOfYear = (153 * marchMonth + 2) / 5 + date.day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func isReal(_ date: Date) -> Bool {
        guard 1...12 ~= date.month, 1...31 ~= date.day else { return false }
        return CivilTime.date(ofDay: day(of: date)) == date
    }

    /// Day and microseconds within it.
    static func split(_ microseconds: Int64) -> (day: Int, time: Int64) {
        var day = microseconds / microsecondsPerDay
        var time = microseconds % microsecondsPerDay
        if time < 0 {
            day -= 1
            time += microsecondsPerDay
        }
        return (Int(day), time)
    }

    /// Microseconds at the start of a day; nil beyond the years a timestamp reaches.
    static func midnight(ofDay day: Int) -> Int64? {
        let (start, overflow) = Int64(day).multipliedReportingOverflow(by: microsecondsPerDay)
        return overflow ? nil : start
    }

    // MARK: Text

    static func text(day: Int) -> String {
        let date = date(ofDay: day)
        let year = String(date.year.magnitude)
        let padded = String(repeating: "0", count: max(0, 4 - year.count)) + year
        return "\(date.year < 0 ? "-" : "")\(padded)-\(two(date.month))-\(two(date.day))"
    }

    /// `10:20:30`, with as many digits of the second's fraction as needed.
    static func text(time: Int64) -> String {
        let seconds = Int(time / 1_000_000)
        var text = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        let fraction = time % 1_000_000
        if fraction > 0 {
            var digits = String(1_000_000 + fraction).dropFirst()
            while digits.last == "0" { digits = digits.dropLast() }
            text += "." + digits
        }
        return text
    }

    static func text(timestamp: Int64) -> String {
        let (day, time) = split(timestamp)
        return "\(text(day: day)) \(text(time: time))"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }

    // MARK: Parsing

    /// `2024-05-06`.
    static func day(parsing text: UnsafeRawBufferPointer) -> Int32? {
        var reader = DigitReader(text)
        guard let day = reader.date(), reader.isAtEnd else { return nil }
        return Int32(exactly: day)
    }

    /// `10:20`, `10:20:30`, `10:20:30.123456`.
    static func time(parsing text: UnsafeRawBufferPointer) -> Int64? {
        var reader = DigitReader(text)
        guard let time = reader.time(), reader.isAtEnd else { return nil }
        return time
    }

    /// A date, optionally followed by a blank or `T` and a time, and, if `hasZone`, by `Z` or `±hh:mm`; without one the
    /// text is taken as UTC.
    static func timestamp(parsing text: UnsafeRawBufferPointer, hasZone: Bool) -> Int64? {
        var reader = DigitReader(text)
        guard let day = reader.date() else { return nil }
        var time: Int64 = 0
        if !reader.isAtEnd {
            guard reader.take("T") || reader.take(" ") || reader.take("t"), let parsed = reader.time() else {
                return nil
            }
            time = parsed
        }
        if hasZone, !reader.isAtEnd {
            guard let offset = reader.zone() else { return nil }
            time -= offset
        }
        guard reader.isAtEnd, let start = midnight(ofDay: day) else { return nil }
        let (value, overflow) = start.addingReportingOverflow(time)
        return overflow ? nil : value
    }
}

/// Reads the fixed fields of dates and times.
private struct DigitReader {
    private let text: UnsafeRawBufferPointer
    private var place = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text.trimmed }

    var isAtEnd: Bool { place == text.count }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard place < text.count, UInt32(text[place]) == scalar.value else { return false }
        place += 1
        return true
    }

    private mutating func digits(_ counts: ClosedRange<Int>) -> Int? {
        let start = place
        var value = 0
        while place < text.count, place - start < counts.upperBound, 48...57 ~= text[place] {
            value = value * 10 + Int(text[place] - 48)
            place += 1
        }
        return place - start >= counts.lowerBound ? value : nil
    }

    mutating func date() -> Int? {
        let isNegative = take("-")
        guard let year = digits(4...6), take("-"), let month = digits(2...2), take("-"), let day = digits(2...2) else {
            return nil
        }
        let date = CivilTime.Date(year: isNegative ? -year : year, month: month, day: day)
        return CivilTime.isReal(date) ? CivilTime.day(of: date) : nil
    }

    mutating func time() -> Int64? {
        guard let hour = digits(2...2), hour < 24, take(":"), let minute = digits(2...2), minute < 60 else {
            return nil
        }
        var microseconds = Int64(hour * 3600 + minute * 60) * 1_000_000
        guard take(":") else { return microseconds }
        guard let second = digits(2...2), second < 60 else { return nil }
        microseconds += Int64(second) * 1_000_000
        guard take(".") else { return microseconds }
        let start = place
        guard var fraction = digits(1...6) else { return nil }
        for _ in place - start..<6 { fraction *= 10 }
        // Nanoseconds are cut, as every engine with microsecond timestamps does.
        _ = digits(0...3)
        return microseconds + Int64(fraction)
    }

    mutating func zone() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let isNegative = take("-")
        guard isNegative || take("+"), let hour = digits(2...2), hour <= 18 else { return nil }
        _ = take(":")
        guard let minute = isAtEnd ? 0 : digits(2...2), minute < 60 else { return nil }
        let offset = Int64(hour * 3600 + minute * 60) * 1_000_000
        return isNegative ? -offset : offset
    }
}

extension UnsafeRawBufferPointer {
    /// Without blanks, tabs and line ends around it.
    var trimmed: UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, self[start] == 32 || 9...13 ~= self[start] { start += 1 }
        while end > start, self[end - 1] == 32 || 9...13 ~= self[end - 1] { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}
