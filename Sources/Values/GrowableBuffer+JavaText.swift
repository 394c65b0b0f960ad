import Bytes

// Values as Java's classes and Amoro's formatters write them, for the log store (mixed format, section 8.2).

extension GrowableBuffer {
    /// `BigDecimal.toString()`, after `stripTrailingZeros()` if `cutsZeros` is set: `10.5`, `1E+2`, `1.2E+3`, `1E-7`,
    /// `0`.
    public mutating func appendJavaDecimal(_ unscaled: Int128, scale: Int, cutsZeros: Bool) {
        guard cutsZeros else {
            return appendJavaDecimal(isNegative: unscaled < 0, unscaled.magnitude, scale: scale)
        }
        guard unscaled != 0 else { return appendByte(0x30) }
        var scale = scale
        if let narrow = UInt64(exactly: unscaled.magnitude) {
            var digits = narrow
            while digits % 10 == 0 {
                digits /= 10
                scale -= 1
            }
            return appendJavaDecimal(isNegative: unscaled < 0, UInt128(digits), scale: scale)
        }
        var digits = unscaled.magnitude
        while digits % 10 == 0 {
            digits /= 10
            scale -= 1
        }
        appendJavaDecimal(isNegative: unscaled < 0, digits, scale: scale)
    }

    private mutating func appendJavaDecimal(isNegative: Bool, _ digits: UInt128, scale: Int) {
        let length = Self.digitCount(digits)
        let exponent = length - 1 - scale
        if scale >= 0, exponent >= -6 {
            return appendDecimal(isNegative: isNegative, digits, scale: scale)
        }
        // One digit before the point.
        appendDecimal(isNegative: isNegative, digits, scale: length - 1)
        appendByte(0x45)
        appendByte(exponent < 0 ? 0x2d : 0x2b)
        appendDigits(UInt64(exponent.magnitude))
    }

    private static func digitCount(_ digits: UInt128) -> Int {
        var length = 1
        if let narrow = UInt64(exactly: digits) {
            while length < 20, narrow >= PowersOfTen.narrow[length] { length += 1 }
        } else {
            length = 20
            while length < 39, digits >= PowersOfTen.wide[length] { length += 1 }
        }
        return length
    }

    /// `Double.toString` as of JDK 19: the shortest digits, `1.0E10` notation from ten million on. Where one digit is
    /// enough, Java writes the closest number of two digits (`4.9E-324` for our `5.0E-324`); both parse to the same
    /// number.
    public mutating func appendJava(_ value: Double) {
        guard value.isFinite else { return appendNotFinite(value) }
        if value == 0 || 1e-3 <= value.magnitude && value.magnitude < 1e7 { return appendDouble(value) }
        var text = value.description
        text.withUTF8 { appendScientific($0) }
    }

    public mutating func appendJava(_ value: Float) {
        guard value.isFinite else { return appendNotFinite(Double(value)) }
        if value == 0 || 1e-3 <= value.magnitude && value.magnitude < 1e7 { return appendFloat(value) }
        var text = value.description
        text.withUTF8 { appendScientific($0) }
    }

    /// Writes a Swift description of a number (`12345678.0`, `1.5e-05`, `1e+16`) with the point after the first digit.
    private mutating func appendScientific(_ text: UnsafeBufferPointer<UInt8>) {
        var exponent = 0
        var end = text.count
        if let mark = text.firstIndex(of: 0x65) {
            for byte in text[(mark + 1)...] where 0x30...0x39 ~= byte { exponent = exponent * 10 + Int(byte - 0x30) }
            if mark + 1 < text.count, text[mark + 1] == 0x2d { exponent = -exponent }
            end = mark
        }
        let digits = text[..<end]
        let point = digits.firstIndex(of: 0x2e) ?? end
        guard let first = digits.firstIndex(where: { 0x31...0x39 ~= $0 }),
            let last = digits.lastIndex(where: { 0x31...0x39 ~= $0 })
        else { return appendText("0.0") }
        exponent += first < point ? point - first - 1 : point - first
        if text[0] == 0x2d { appendByte(0x2d) }
        appendByte(text[first])
        appendByte(0x2e)
        if first == last { appendByte(0x30) }
        if first < last {
            for byte in digits[(first + 1)...last] where byte != 0x2e { appendByte(byte) }
        }
        appendByte(0x45)
        appendInteger(Int64(exponent))
    }
}
