/// Parses dates, times and timestamps: ISO 8601, with `T` or a blank between the date and the time.
public enum CivilText {
    /// Whether a timestamp has a zone.
    public enum Zone: Sendable { case none, required, optional }

    /// `2017-11-16`; years outside 0 to 9999 carry a sign. Days since 1970-01-01.
    public static func date(_ text: UnsafeRawBufferPointer, _ rule: TextRule = .exact) -> ParsedText<Int32> {
        var cursor = CivilCursor(text.trimmed(rule), rule)
        guard let days = cursor.date(), cursor.isAtEnd else { return .malformed }
        return Int32(exactly: days).map { .value($0) } ?? .outOfRange
    }

    /// `22:31`, `22:31:08`, `22:31:08.123456`. Microseconds since midnight.
    public static func time(_ text: UnsafeRawBufferPointer, _ rule: TextRule = .exact) -> ParsedText<Int64> {
        var cursor = CivilCursor(text.trimmed(rule), rule)
        guard let time = cursor.time(), cursor.isAtEnd else { return .malformed }
        return .value(time)
    }

    /// `2017-11-16T22:31:08.123456+02:00`, or the date alone. Microseconds since 1970-01-01 00:00:00 (UTC).
    public static func timestamp(
        _ text: UnsafeRawBufferPointer,
        zone: Zone,
        _ rule: TextRule = .exact
    ) -> ParsedText<Int64> {
        var cursor = CivilCursor(text.trimmed(rule), rule)
        guard var value = cursor.dateTime() else { return .malformed }
        if zone == .required || (zone == .optional && !cursor.isAtEnd) {
            guard let offset = cursor.zone() else { return .malformed }
            value -= offset
        }
        guard cursor.isAtEnd else { return .malformed }
        return Int64(exactly: value).map { .value($0) } ?? .outOfRange
    }
}

/// Parses dates, times and zones from the front of a text. Methods return nil if the text is malformed.
private struct CivilCursor {
    private let text: UnsafeRawBufferPointer
    private let rule: TextRule
    private var position = 0

    init(_ text: UnsafeRawBufferPointer, _ rule: TextRule) {
        self.text = text
        self.rule = rule
    }

    var isAtEnd: Bool { position == text.count }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    /// The value of a run of digits, and the number of digits.
    private mutating func digits(_ lengths: ClosedRange<Int>) -> (value: Int, count: Int)? {
        var value = 0
        var count = 0
        while count < lengths.upperBound, let byte = next, 0x30...0x39 ~= byte {
            value = value * 10 + Int(byte - 0x30)
            count += 1
            position += 1
        }
        return count >= lengths.lowerBound ? (value, count) : nil
    }

    private mutating func pair(upTo limit: Int) -> Int? {
        guard let (value, _) = digits(2...2), value <= limit else { return nil }
        return value
    }

    /// Days since 1970-01-01.
    mutating func date() -> Int? {
        let isNegative = take(0x2d)
        let isSigned = isNegative || take(0x2b)
        guard let (year, _) = digits(isSigned ? 4...8 : 4...4), take(0x2d), let month = pair(upTo: 12), take(0x2d),
            let day = pair(upTo: 31)
        else { return nil }
        return CivilDate(year: isNegative ? -year : year, month: month, day: day)?.daysSinceEpoch
    }

    /// Microseconds since midnight.
    mutating func time() -> Int64? {
        guard let hour = pair(upTo: 23), take(0x3a), let minute = pair(upTo: 59) else { return nil }
        var seconds = hour * 3600 + minute * 60
        guard take(0x3a) else { return Int64(seconds) * 1_000_000 }
        guard let second = pair(upTo: 59) else { return nil }
        seconds += second
        guard take(0x2e) else { return Int64(seconds) * 1_000_000 }
        guard var (fraction, count) = digits(1...6) else { return nil }
        while count < 6 {
            fraction *= 10
            count += 1
        }
        // Digits below microseconds must be zeros. CAST also drops up to three nonzero ones (nanoseconds), as all
        // engines do.
        if rule == .cast { _ = digits(0...3) }
        while next == 0x30 { position += 1 }
        return Int64(seconds) * 1_000_000 + Int64(fraction)
    }

    /// Microseconds since 1970-01-01 00:00:00. Wider than a timestamp, so that the caller can detect overflow.
    mutating func dateTime() -> Int128? {
        guard let days = date() else { return nil }
        let midnight = Int128(days) * Int128(CivilTime.microsecondsPerDay)
        guard let separator = next, separator | 0x20 == 0x74 || separator == 0x20 else { return midnight }
        position += 1
        guard let time = time() else { return nil }
        return midnight + Int128(time)
    }

    /// Microseconds east of UTC.
    mutating func zone() -> Int128? {
        if let byte = next, byte | 0x20 == 0x7a {
            position += 1
            return 0
        }
        let isWest = take(0x2d)
        guard isWest || take(0x2b), let hours = pair(upTo: 18) else { return nil }
        var minutes = 0
        if take(0x3a) || !isAtEnd {
            guard let value = pair(upTo: 59) else { return nil }
            minutes = value
        }
        let offset = Int128(hours * 60 + minutes) * 60_000_000
        return isWest ? -offset : offset
    }
}
