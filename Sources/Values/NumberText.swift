/// Parses integers, floating-point numbers, booleans and uuids.
public enum NumberText {
    /// Digits with an optional sign.
    @inlinable
    public static func integer<Number: FixedWidthInteger & SignedInteger>(
        _ text: UnsafeRawBufferPointer,
        as: Number.Type,
        _ rule: TextRule = .exact
    ) -> ParsedText<Number> {
        let text = text.trimmed(rule)
        var position = 0
        let isNegative = text.first == 0x2d
        if isNegative || text.first == 0x2b { position = 1 }
        guard position < text.count else { return .malformed }
        var value: Number = 0
        var fits = true
        while position < text.count {
            guard 0x30...0x39 ~= text[position] else { return .malformed }
            if fits {
                let digit = Number(truncatingIfNeeded: text[position] &- 0x30)
                let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
                let (next, overflowToo) =
                    isNegative ? tenfold.subtractingReportingOverflow(digit) : tenfold.addingReportingOverflow(digit)
                fits = !overflow && !overflowToo
                value = next
            }
            position += 1
        }
        return fits ? .value(value) : .outOfRange
    }

    /// A decimal number with an optional exponent, or `NaN`, `Infinity`, `-Infinity`. A finite number that would round
    /// to infinity is out of range.
    public static func floating<Number: BinaryFloatingPoint & LosslessStringConvertible>(
        _ text: UnsafeRawBufferPointer,
        as: Number.Type,
        _ rule: TextRule = .exact
    ) -> ParsedText<Number> {
        let text = String(decoding: text.trimmed(rule), as: UTF8.self)
        switch (text, rule) {
        case ("NaN", _): return .value(.nan)
        case ("Infinity", _): return .value(.infinity)
        case ("-Infinity", _): return .value(-.infinity)
        case (_, .cast):
            switch text.lowercased() {
            case "nan": return .value(.nan)
            case "inf", "+inf", "infinity", "+infinity": return .value(.infinity)
            case "-inf", "-infinity": return .value(-.infinity)
            default: break
            }
        case (_, .exact): break
        }
        // Refuse other forms that Swift accepts, such as inf, nan and 0x1p3.
        let isDecimal = text.utf8.allSatisfy { byte in
            0x30...0x39 ~= byte || byte == 0x2b || byte == 0x2d || byte == 0x2e || byte | 0x20 == 0x65
        }
        guard isDecimal, let value = Number(text) else { return .malformed }
        return value.isFinite ? .value(value) : .outOfRange
    }

    /// `true` and `false` in any case; for CAST also `t`, `yes`, `y`, `1` and their opposites.
    public static func boolean(_ text: UnsafeRawBufferPointer, _ rule: TextRule = .exact) -> ParsedText<Bool> {
        let text = text.trimmed(rule)
        guard text.count <= 5 else { return .malformed }
        switch (String(decoding: text, as: UTF8.self).lowercased(), rule) {
        case ("true", _), ("t", .cast), ("yes", .cast), ("y", .cast), ("1", .cast): return .value(true)
        case ("false", _), ("f", .cast), ("no", .cast), ("n", .cast), ("0", .cast): return .value(false)
        default: return .malformed
        }
    }

    /// `123e4567-e89b-12d3-a456-426614174000`; the first digit is the most significant.
    public static func uuid(_ text: UnsafeRawBufferPointer, _ rule: TextRule = .exact) -> ParsedText<UInt128> {
        let text = text.trimmed(rule)
        guard text.count == 36 else { return .malformed }
        var value: UInt128 = 0
        for position in 0..<36 {
            let byte = text[position]
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == 0x2d else { return .malformed }
                continue
            }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return .malformed
            }
            value = value << 4 | UInt128(digit)
        }
        return .value(value)
    }
}
