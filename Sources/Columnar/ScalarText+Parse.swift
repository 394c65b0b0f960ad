import Bytes
import Values

extension ScalarText {
    /// A value of `type` from its text. Fails with `invalid` when the text is no such value or does not fit.
    ///
    /// Timestamps take a space in place of the `T`, fewer fraction digits, no seconds, or the date alone; a timestamptz
    /// names its zone (`Z`, `+02:00`). Decimals may have fewer digits after the point than the type, or more zeros.
    public static func parse(_ text: String, as type: FieldType) throws(WeirError) -> Scalar {
        func invalid(_ reason: String? = nil, advice: String? = nil) -> WeirError {
            let shown = text.count > 64 ? text.prefix(64) + "…" : text[...]
            return WeirError(.invalid, "'\(shown)' \(reason ?? "is no \(type)")", advice: advice)
        }
        switch type {
        case .boolean:
            switch text.lowercased() {
            case "true": return .boolean(true)
            case "false": return .boolean(false)
            default: throw invalid(advice: "write true or false")
            }
        case .int:
            if let value = Int32(text) { return .int(value) }
            throw invalid(isInteger(text) ? "does not fit an int" : nil)
        case .long:
            if let value = Int64(text) { return .long(value) }
            throw invalid(isInteger(text) ? "does not fit a long" : nil)
        case .float:
            guard let value = number(text, Float.self) else { throw invalid() }
            return .float(value)
        case .double:
            guard let value = number(text, Double.self) else { throw invalid() }
            return .double(value)
        case .decimal(let precision, let scale):
            switch DecimalText.parse(text, precision: precision, scale: scale) {
            case .value(let value): return .decimal(value, scale: scale)
            case .notANumber: throw invalid()
            case .tooLong: throw invalid("does not fit \(type)")
            }
        case .date:
            var cursor = DateTimeCursor(text)
            guard let days = cursor.date(), cursor.isAtEnd else { throw invalid(advice: "write it as 2017-11-16") }
            guard let value = Int32(exactly: days) else { throw invalid("does not fit a date") }
            return .date(value)
        case .time:
            var cursor = DateTimeCursor(text)
            guard let value = cursor.time(), cursor.isAtEnd else {
                throw invalid(advice: "write it as 22:31:08.123456")
            }
            return .time(value)
        case .timestamp:
            var cursor = DateTimeCursor(text)
            guard let value = cursor.dateTime(), cursor.isAtEnd else {
                throw invalid(advice: "write it as 2017-11-16T22:31:08.123456, without a zone")
            }
            guard let microseconds = Int64(exactly: value) else { throw invalid("does not fit a timestamp") }
            return .timestamp(microseconds)
        case .timestamptz:
            var cursor = DateTimeCursor(text)
            guard let value = cursor.dateTime(), let zone = cursor.zone(), cursor.isAtEnd else {
                throw invalid(advice: "write it as 2017-11-16T22:31:08.123456+00:00, with a zone")
            }
            guard let microseconds = Int64(exactly: value - zone) else { throw invalid("does not fit a timestamptz") }
            return .timestamptz(microseconds)
        case .string: return .string(text)
        case .uuid:
            guard let value = uuid(text) else {
                throw invalid(advice: "write it as 123e4567-e89b-12d3-a456-426614174000")
            }
            return .uuid(value)
        case .fixed(let length):
            guard let bytes = Hex.decode(text) else { throw invalid(advice: "write the bytes in hexadecimal") }
            guard bytes.count == length else { throw invalid("has \(bytes.count) bytes, \(type) has \(length)") }
            return .fixed(bytes)
        case .binary:
            guard let bytes = Hex.decode(text) else { throw invalid(advice: "write the bytes in hexadecimal") }
            return .binary(bytes)
        case .list, .map, .structure, .other:
            throw WeirError(.unsupported, "values of type \(type) have no text form")
        }
    }

    private static func isInteger(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { 0x30...0x39 ~= $0 }
    }

    private static func number<T: BinaryFloatingPoint & LosslessStringConvertible>(_ text: String, _ type: T.Type) -> T?
    {
        switch text {
        case "NaN": return .nan
        case "Infinity": return .infinity
        case "-Infinity": return -.infinity
        default:
            // The library's own words (inf, nan, 0x1p3) are not ours.
            let isDecimal = text.utf8.allSatisfy { 0x2b...0x39 ~= $0 && $0 != 0x2c && $0 != 0x2f || $0 | 0x20 == 0x65 }
            guard isDecimal, let value = T(text), value.isFinite else { return nil }
            return value
        }
    }

    private static func uuid(_ text: String) -> UInt128? {
        let parts = text.utf8.split(separator: 0x2d, omittingEmptySubsequences: false)
        guard parts.map(\.count) == [8, 4, 4, 4, 12], let bytes = Hex.decode(text.filter { $0 != "-" }) else {
            return nil
        }
        return bytes.reduce(0) { $0 << 8 | UInt128($1) }
    }
}
