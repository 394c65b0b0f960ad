/// Decodes escapes in JSON strings (RFC 8259, section 7). `GrowableBuffer.appendJSONString` encodes them.
public enum JSONEscape {
    public enum Failure: String, Error {
        case endsEarly = "a text is not closed"
        case unknown = "a text has an unknown escape"
        case noDigits = "four hexadecimal digits belong behind \\u"
        case halfPair = "half a surrogate pair stands alone"
    }

    /// The character of an escape. The two escapes of a surrogate pair are decoded as one.
    ///
    /// - Parameter offset: the position after the backslash; on return, the position after the escape.
    public static func scalar(
        in text: UnsafeRawBufferPointer,
        at offset: inout Int
    ) throws(Failure) -> Unicode.Scalar {
        guard offset < text.count else { throw .endsEarly }
        let letter = text[offset]
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw .unknown
        }
        let unit = try codeUnit(in: text, at: &offset)
        guard 0xd800...0xdbff ~= unit else {
            guard let scalar = Unicode.Scalar(unit) else { throw .halfPair }
            return scalar
        }
        guard offset + 1 < text.count, text[offset] == UInt8(ascii: "\\"), text[offset + 1] == UInt8(ascii: "u") else {
            throw .halfPair
        }
        offset += 2
        let low = try codeUnit(in: text, at: &offset)
        guard 0xdc00...0xdfff ~= low, let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
        else { throw .halfPair }
        return scalar
    }

    private static func codeUnit(
        in text: UnsafeRawBufferPointer,
        at offset: inout Int
    ) throws(Failure) -> UInt32 {
        guard offset + 4 <= text.count else { throw .noDigits }
        var unit: UInt32 = 0
        for byte in text[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw .noDigits }
            unit = unit << 4 | UInt32(digit)
        }
        offset += 4
        return unit
    }
}
