import Bytes

// Values as ASCII text, written straight into memory: what JSON rows and scalar texts share.

extension GrowableBuffer {
    @inlinable
    @inline(__always)
    public mutating func appendByte(_ character: UInt8) { append(character) }

    @inlinable
    public mutating func appendText(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Digits of a number, with leading zeros up to `width`.
    @inlinable
    @inline(__always)
    public mutating func appendDigits(_ number: UInt64, width: Int = 1) {
        // 2⁶⁴ has 20 digits.
        let room = max(width, 20)
        reserve(room)
        let out = base.assumingMemoryBound(to: UInt8.self) + count
        var length = 1
        var limit: UInt64 = 10
        while length < 20, number >= limit {
            length += 1
            limit = length < 20 ? limit &* 10 : limit
        }
        length = max(length, width)
        var rest = number
        var place = length
        while place > 0 {
            place -= 1
            out[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        advance(by: length)
    }

    @inlinable
    @inline(__always)
    public mutating func appendInteger(_ number: Int64) {
        if number < 0 { appendByte(0x2d) }
        appendDigits(number.magnitude)
    }

    /// Two digits; the number is below 100.
    @inline(__always)
    private mutating func appendPair(_ number: Int) {
        appendByte(0x30 + UInt8(truncatingIfNeeded: number / 10))
        appendByte(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }

    /// `14.20` for 1420 at scale 2.
    public mutating func appendDecimal(_ unscaled: Int128, scale: Int) {
        if unscaled < 0 { appendByte(0x2d) }
        let magnitude = unscaled.magnitude
        guard scale > 0 else { return appendDigits(wide: magnitude, width: 1) }
        // Dividing 128-bit numbers is slow, and most decimals are short.
        if let narrow = UInt64(exactly: magnitude), scale < 20 {
            let power = PowersOfTen.narrow[scale]
            appendDigits(narrow / power)
            appendByte(0x2e)
            return appendDigits(narrow % power, width: scale)
        }
        let power = PowersOfTen.wide[min(scale, 38)]
        appendDigits(wide: magnitude / power, width: 1)
        appendByte(0x2e)
        appendDigits(wide: magnitude % power, width: scale)
    }

    private mutating func appendDigits(wide number: UInt128, width: Int) {
        let chunk: UInt128 = 1_000_000_000_000_000_000
        guard number >= chunk else { return appendDigits(UInt64(truncatingIfNeeded: number), width: width) }
        appendDigits(wide: number / chunk, width: max(1, width - 18))
        appendDigits(UInt64(truncatingIfNeeded: number % chunk), width: 18)
    }

    /// `2017-11-16`. Years outside 0 to 9999 carry a sign and as many digits as they need, at least four.
    public mutating func appendDate(_ days: Int) {
        let date = CivilDate(daysSinceEpoch: days)
        if date.year < 0 { appendByte(0x2d) } else if date.year > 9999 { appendByte(0x2b) }
        appendDigits(UInt64(date.year.magnitude), width: 4)
        appendByte(0x2d)
        appendPair(date.month)
        appendByte(0x2d)
        appendPair(date.day)
    }

    /// `22:31:08.123456`, from microseconds since midnight. Values that are no time of day are brought into it.
    public mutating func appendTime(_ microseconds: Int64) {
        let day: Int64 = 86_400_000_000
        let time = Int(((microseconds % day) + day) % day)
        let seconds = time / 1_000_000
        appendPair(seconds / 3600)
        appendByte(0x3a)
        appendPair(seconds / 60 % 60)
        appendByte(0x3a)
        appendPair(seconds % 60)
        appendByte(0x2e)
        appendDigits(UInt64(time % 1_000_000), width: 6)
    }

    /// `2017-11-16T22:31:08.123456`, from microseconds since 1970.
    public mutating func appendTimestamp(_ microseconds: Int64, separator: UInt8 = 0x54) {
        let day: Int64 = 86_400_000_000
        let days = microseconds / day - (microseconds % day < 0 ? 1 : 0)
        appendDate(Int(days))
        appendByte(separator)
        // The first midnight of the range lies before its first microsecond; the difference is right all the same.
        appendTime(microseconds &- days &* day)
    }

    public mutating func appendHex(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count * 2)
        let out = base.assumingMemoryBound(to: UInt8.self) + count
        for index in 0..<bytes.count {
            out[2 * index] = Self.hexDigit(bytes[index] >> 4)
            out[2 * index + 1] = Self.hexDigit(bytes[index] & 15)
        }
        advance(by: bytes.count * 2)
    }

    /// Base64 of RFC 4648, with padding.
    public mutating func appendBase64(_ bytes: UnsafeRawBufferPointer) {
        let length = (bytes.count + 2) / 3 * 4
        reserve(length)
        let out = base.assumingMemoryBound(to: UInt8.self) + count
        var place = 0
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes.count - start
            var bits = UInt32(bytes[start]) << 16
            if rest > 1 { bits |= UInt32(bytes[start + 1]) << 8 }
            if rest > 2 { bits |= UInt32(bytes[start + 2]) }
            for digit in 0..<4 {
                let shift = UInt32(18 - 6 * digit)
                out[place + digit] =
                    digit <= rest ? Self.base64Digit(UInt8(truncatingIfNeeded: bits >> shift) & 63) : 0x3d
            }
            place += 4
        }
        advance(by: length)
    }

    @inline(__always)
    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2b
        default: 0x2f
        }
    }

    @inline(__always)
    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// `123e4567-e89b-12d3-a456-426614174000`, from 16 bytes.
    public mutating func appendUUID(_ bytes: UnsafeRawBufferPointer) {
        for (start, end) in [(0, 4), (4, 6), (6, 8), (8, 10), (10, 16)] {
            if start > 0 { appendByte(0x2d) }
            appendHex(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }

    /// The shortest digits that read back as the same number; finite numbers only.
    public mutating func appendDouble(_ value: Double) {
        // A number of at most 15 digits, four of them after the point, is its own shortest form: fifteen digits survive
        // the way through a double, and dividing two exact numbers rounds as reading the text does.
        let scaled = (value * 10_000).rounded()
        if scaled.magnitude < 1e15, scaled / 10_000 == value, !(value == 0 && value.sign == .minus) {
            return appendFourDecimals(Int64(scaled))
        }
        var text = value.description
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func appendFloat(_ value: Float) {
        // Six digits survive the way through a float.
        let scaled = (Double(value) * 10_000).rounded()
        if scaled.magnitude < 1e6, Float(scaled / 10_000) == value, !(value == 0 && value.sign == .minus) {
            return appendFourDecimals(Int64(scaled))
        }
        var text = value.description
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    private mutating func appendFourDecimals(_ scaled: Int64) {
        if scaled < 0 { appendByte(0x2d) }
        let magnitude = scaled.magnitude
        appendDigits(magnitude / 10_000)
        appendByte(0x2e)
        var fraction = magnitude % 10_000
        var width = 4
        while width > 1, fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        appendDigits(fraction, width: width)
    }
}
