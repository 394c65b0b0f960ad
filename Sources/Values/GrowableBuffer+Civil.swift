import Bytes

// Dates and times as ASCII text.

/// How seconds and their fraction are written.
public enum SecondsStyle: Sendable {
    /// `22:31:00.500000`: always six digits.
    case micros
    /// `22:31:00.5`, `22:31:00`: no trailing zeros.
    case shortest
    /// `22:31:00.500`, `22:31`: three or six digits, seconds only if they are not zero, as Java prints a time.
    case java
}

extension GrowableBuffer {
    /// Two digits of a number below 100.
    @inline(__always)
    private mutating func appendPair(_ number: Int) {
        appendByte(0x30 + UInt8(truncatingIfNeeded: number / 10))
        appendByte(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }

    /// A year with at least four digits. Years outside 0 to 9999 have a sign; only a minus if `isSigned` is false.
    public mutating func appendYear(_ year: Int, isSigned: Bool = true) {
        if year < 0 { appendByte(0x2d) } else if year > 9999, isSigned { appendByte(0x2b) }
        appendDigits(UInt64(year.magnitude), width: 4)
    }

    /// `2017-11-16`, from days since 1970-01-01.
    public mutating func appendDate(_ days: Int32, isSigned: Bool = true) {
        let date = CivilDate(daysSinceEpoch: Int(days))
        appendYear(date.year, isSigned: isSigned)
        appendByte(0x2d)
        appendPair(date.month)
        appendByte(0x2d)
        appendPair(date.day)
    }

    /// `22:31:08.123456`, from microseconds since midnight. Values outside of a day are wrapped into it.
    public mutating func appendTime(_ microseconds: Int64, seconds style: SecondsStyle = .micros) {
        let time = Int(microseconds.floorRemainder(by: CivilTime.microsecondsPerDay))
        let seconds = time / 1_000_000
        let fraction = time % 1_000_000
        appendPair(seconds / 3600)
        appendByte(0x3a)
        appendPair(seconds / 60 % 60)
        if style == .java, seconds % 60 == 0, fraction == 0 { return }
        appendByte(0x3a)
        appendPair(seconds % 60)
        if style != .micros, fraction == 0 { return }
        appendByte(0x2e)
        switch style {
        case .micros: appendDigits(UInt64(fraction), width: 6)
        case .java where fraction % 1000 == 0: appendDigits(UInt64(fraction / 1000), width: 3)
        case .java: appendDigits(UInt64(fraction), width: 6)
        case .shortest:
            var (digits, width) = (fraction, 6)
            while digits % 10 == 0 {
                digits /= 10
                width -= 1
            }
            appendDigits(UInt64(digits), width: width)
        }
    }

    /// `2017-11-16T22:31:08.123456`, from microseconds since 1970.
    public mutating func appendTimestamp(
        _ microseconds: Int64,
        separator: UInt8 = 0x54,
        seconds style: SecondsStyle = .micros
    ) {
        let (day, time) = CivilTime.split(microseconds)
        appendDate(day)
        appendByte(separator)
        appendTime(time, seconds: style)
    }
}
