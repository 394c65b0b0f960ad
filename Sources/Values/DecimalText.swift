/// Parses decimal numbers exactly.
public enum DecimalText {
    /// The unscaled value of `text` (`-14.2`, `1.42e1`) at a scale.
    public static func parse(
        _ text: String,
        precision: Int,
        scale: Int,
        _ rule: TextRule = .exact
    ) -> ParsedText<Int128> {
        var text = text
        return text.withUTF8 { parse(UnsafeRawBufferPointer($0), precision: precision, scale: scale, rule) }
    }

    /// The same for bytes. Nonzero digits beyond the scale are out of range; for CAST they are rounded half up, away
    /// from zero.
    public static func parse(
        _ text: UnsafeRawBufferPointer,
        precision: Int,
        scale: Int,
        _ rule: TextRule = .exact
    ) -> ParsedText<Int128> {
        let text = text.trimmed(rule)
        var position = 0
        let isNegative = text.first == 0x2d
        if isNegative || text.first == 0x2b { position = 1 }
        // The digits, with at most one decimal point.
        let start = position
        var digits = 0
        var pointAt: Int?
        while position < text.count {
            let byte = text[position]
            if byte == 0x2e, pointAt == nil {
                pointAt = digits
            } else if 0x30...0x39 ~= byte {
                digits += 1
            } else {
                break
            }
            position += 1
        }
        guard digits > 0, let exponent = exponent(text, from: position) else { return .malformed }
        // The number of digits up to the last digit that the scale keeps. Digits beyond the end of the text are zeros.
        let kept = (pointAt ?? digits) + exponent + scale
        var number: UInt128 = 0
        var index = 0
        var isRoundedUp = false
        for byte in text[start..<position] where byte != 0x2e {
            let digit = byte - 0x30
            if index < kept {
                // Another digit would be the 39th.
                guard number < PowersOfTen.wide[37] else { return .outOfRange }
                number = number * 10 + UInt128(digit)
            } else if rule == .exact {
                guard digit == 0 else { return .outOfRange }
            } else {
                isRoundedUp = index == kept && digit >= 5
                break
            }
            index += 1
        }
        if isRoundedUp { number += 1 }
        guard number > 0 else { return .value(0) }
        if kept > digits {
            guard kept - digits <= 38 else { return .outOfRange }
            let (product, overflow) = number.multipliedReportingOverflow(by: PowersOfTen.wide[kept - digits])
            guard !overflow else { return .outOfRange }
            number = product
        }
        guard number < PowersOfTen.wide[min(max(precision, 0), 38)] else { return .outOfRange }
        let value = Int128(number)
        return .value(isNegative ? -value : value)
    }

    /// The exponent after an `e`; zero if the text ends, nil if it is malformed.
    private static func exponent(_ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < text.count else { return 0 }
        guard text[start] | 0x20 == 0x65 else { return nil }
        var position = start + 1
        let isNegative = position < text.count && text[position] == 0x2d
        if position < text.count, text[position] == 0x2d || text[position] == 0x2b { position += 1 }
        guard position < text.count else { return nil }
        var exponent = 0
        while position < text.count {
            guard 0x30...0x39 ~= text[position] else { return nil }
            // Clamped: beyond this, no text is long enough for the exact exponent to matter.
            exponent = min(exponent * 10 + Int(text[position] - 0x30), 1 << 40)
            position += 1
        }
        return isNegative ? -exponent : exponent
    }
}
