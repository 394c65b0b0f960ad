/// Decimal numbers out of text, exactly.
public enum DecimalText {
    public enum Outcome: Hashable, Sendable {
        /// The unscaled number.
        case value(Int128)
        case notANumber
        /// More digits before or after the point than the type holds.
        case tooLong
    }

    /// The unscaled number of `text` (`-14.2`, `1.42e1`) at a scale.
    public static func parse(_ text: String, precision: Int, scale: Int) -> Outcome {
        var text = text
        return text.withUTF8 { parse(UnsafeRawBufferPointer($0), precision: precision, scale: scale) }
    }

    /// The same from bytes, for decoders.
    public static func parse(_ text: UnsafeRawBufferPointer, precision: Int, scale: Int) -> Outcome {
        var place = 0
        let isNegative = text.first == 0x2d
        if isNegative || text.first == 0x2b { place = 1 }
        // Digits without the point; trailing zeros are held back so that `1.500000` fits a small scale.
        var number: UInt128 = 0
        var pendingZeros = 0
        var fractionDigits = 0
        var sawDigit = false
        var sawPoint = false
        var isTooLong = false
        while place < text.count {
            let byte = text[place]
            if byte == 0x2e, !sawPoint {
                sawPoint = true
            } else if 0x30...0x39 ~= byte {
                sawDigit = true
                if sawPoint { fractionDigits += 1 }
                if byte == 0x30 {
                    if number > 0 { pendingZeros += 1 }
                } else {
                    isTooLong = isTooLong || !append(byte - 0x30, after: pendingZeros, to: &number)
                    pendingZeros = 0
                }
            } else {
                break
            }
            place += 1
        }
        guard sawDigit, let exponent = exponent(text, from: place) else { return .notANumber }
        if number == 0, !isTooLong { return .value(0) }
        // The number is `number` × 10^shift at the scale asked for.
        let shift = exponent + scale - fractionDigits + pendingZeros
        guard !isTooLong, 0...38 ~= shift else { return .tooLong }
        let product = number.multipliedReportingOverflow(by: PowersOfTen.wide[shift])
        guard !product.overflow, product.partialValue < PowersOfTen.wide[min(max(precision, 0), 38)] else {
            return .tooLong
        }
        let value = Int128(product.partialValue)
        return .value(isNegative ? -value : value)
    }

    private static func append(_ digit: UInt8, after zeros: Int, to number: inout UInt128) -> Bool {
        guard number > 0 else {
            number = UInt128(digit)
            return true
        }
        guard zeros < 38 else { return false }
        let product = number.multipliedReportingOverflow(by: PowersOfTen.wide[zeros + 1])
        // No decimal has more than 38 digits.
        guard !product.overflow, product.partialValue < PowersOfTen.wide[38] else { return false }
        number = product.partialValue + UInt128(digit)
        return true
    }

    /// What follows an `e`; zero when nothing follows, nil when something else does.
    private static func exponent(_ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < text.count else { return 0 }
        guard text[start] | 0x20 == 0x65 else { return nil }
        var place = start + 1
        let isNegative = place < text.count && text[place] == 0x2d
        if place < text.count, text[place] == 0x2d || text[place] == 0x2b { place += 1 }
        guard place < text.count else { return nil }
        var exponent = 0
        while place < text.count {
            guard 0x30...0x39 ~= text[place] else { return nil }
            // Beyond this no number fits; its exact size no longer matters.
            exponent = min(exponent * 10 + Int(text[place] - 0x30), 1_000_000)
            place += 1
        }
        return isNegative ? -exponent : exponent
    }
}
