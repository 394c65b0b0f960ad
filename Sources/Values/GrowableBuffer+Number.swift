import Bytes

// Writes numbers as ASCII text directly into the buffer. Used by JSON rows, casts, scalar texts and partition paths.

extension GrowableBuffer {
    @inlinable
    @inline(__always)
    public mutating func appendByte(_ character: UInt8) { append(character) }

    @inlinable
    public mutating func appendText(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The digits of a number, padded with leading zeros to `width`.
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
        var position = length
        while position > 0 {
            position -= 1
            out[position] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
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

    /// `14.20` for 1420 at scale 2.
    public mutating func appendDecimal(_ unscaled: Int128, scale: Int) {
        appendDecimal(isNegative: unscaled < 0, unscaled.magnitude, scale: scale)
    }

    mutating func appendDecimal(isNegative: Bool, _ magnitude: UInt128, scale: Int) {
        if isNegative { appendByte(0x2d) }
        guard scale > 0 else { return appendDigits(wide: magnitude, width: 1) }
        // 128-bit division is slow, and most decimals are short.
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

    /// The shortest digits that read back as the same number; finite numbers only.
    public mutating func appendDouble(_ value: Double) {
        // A number of at most 15 digits, up to four of them after the point, is its own shortest form: 15 digits
        // survive a round trip through a double, and dividing two exact numbers rounds the same as parsing the text.
        let scaled = (value * 10_000).rounded()
        if scaled.magnitude < 1e15, scaled / 10_000 == value, !(value == 0 && value.sign == .minus) {
            return appendFourDecimals(Int64(scaled))
        }
        var text = value.description
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func appendFloat(_ value: Float) {
        // Six digits survive a round trip through a float.
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

    /// `NaN`, `Infinity`, `-Infinity`.
    public mutating func appendNotFinite(_ value: Double) {
        appendText(value.isNaN ? "NaN" : value > 0 ? "Infinity" : "-Infinity")
    }
}
