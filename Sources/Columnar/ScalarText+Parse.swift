import Bytes
import Values

extension ScalarText {
    /// Parses a value of `type`. Fails with `invalid` when the text is not such a value or is out of range.
    ///
    /// Timestamps may have a space instead of the `T`, fewer fraction digits, no seconds, or only a date; a timestamptz
    /// must have a zone (`Z`, `+02:00`). Decimals may have fewer digits after the point than the type, or more if they
    /// are zeros.
    public static func parse(_ text: String, as type: FieldType) throws(WeirError) -> Scalar {
        func invalid(_ reason: String, advice: String? = nil) -> WeirError {
            let shown = text.count > 64 ? text.prefix(64) + "…" : text[...]
            return WeirError(.invalid, "'\(shown)' \(reason)", advice: advice)
        }
        if !type.isPrimitive { throw WeirError(.unsupported, "values of type \(type) have no text form") }
        switch read(text, as: type) {
        case .value(let value): return value
        case .outOfRange:
            if case .fixed(let length) = type {
                throw invalid("has \(CountText.of(text.utf8.count / 2, "byte")), \(type) has \(length)")
            }
            throw invalid("does not fit \(type.withArticle)")
        case .malformed: throw invalid("is no \(type)", advice: type.exactForm)
        }
    }

    /// The same, but without an error message and as lenient as the rule. Text that the rule does not allow is
    /// malformed; for CAST the bytes of a binary value are those of the text.
    public static func read(_ text: String, as type: FieldType, _ rule: TextRule = .exact) -> ParsedText<Scalar> {
        var text = text
        return text.withUTF8 { read(UnsafeRawBufferPointer($0), as: type, rule) }
    }

    private static func read(
        _ text: UnsafeRawBufferPointer,
        as type: FieldType,
        _ rule: TextRule
    ) -> ParsedText<Scalar> {
        switch type {
        case .boolean: return NumberText.boolean(text, rule).map { .boolean($0) }
        case .int: return NumberText.integer(text, as: Int32.self, rule).map { .int($0) }
        case .long: return NumberText.integer(text, as: Int64.self, rule).map { .long($0) }
        case .float: return NumberText.floating(text, as: Float.self, rule).map { .float($0) }
        case .double: return NumberText.floating(text, as: Double.self, rule).map { .double($0) }
        case .decimal(let precision, let scale):
            return DecimalText.parse(text, precision: precision, scale: scale, rule).map { .decimal($0, scale: scale) }
        case .date: return CivilText.date(text, rule).map { .date($0) }
        case .time: return CivilText.time(text, rule).map { .time($0) }
        case .timestamp: return CivilText.timestamp(text, zone: .none, rule).map { .timestamp($0) }
        case .timestamptz:
            return CivilText.timestamp(text, zone: rule == .cast ? .optional : .required, rule).map { .timestamptz($0) }
        case .string: return .value(.string(String(decoding: text, as: UTF8.self)))
        case .uuid: return NumberText.uuid(text, rule).map { .uuid($0) }
        case .fixed(let length):
            guard rule == .exact, let bytes = Hex.decode(String(decoding: text, as: UTF8.self)) else {
                return .malformed
            }
            return bytes.count == length ? .value(.fixed(bytes)) : .outOfRange
        case .binary:
            if rule == .cast { return .value(.binary(Array(text))) }
            return Hex.decode(String(decoding: text, as: UTF8.self)).map { .value(.binary($0)) } ?? .malformed
        case .list, .map, .structure, .other: return .malformed
        }
    }
}

extension FieldType {
    /// The type as a noun in messages: `an int`.
    public var withArticle: String {
        self == .int ? "an int" : "a \(self)"
    }

    /// The format that `ScalarText.parse` accepts, for error messages.
    fileprivate var exactForm: String? {
        switch self {
        case .boolean: "write true or false"
        case .date: "write it as 2017-11-16"
        case .time: "write it as 22:31:08.123456"
        case .timestamp: "write it as 2017-11-16T22:31:08.123456, without a zone"
        case .timestamptz: "write it as 2017-11-16T22:31:08.123456+00:00, with a zone"
        case .uuid: "write it as 123e4567-e89b-12d3-a456-426614174000"
        case .fixed, .binary: "write the bytes in hexadecimal"
        default: nil
        }
    }
}
