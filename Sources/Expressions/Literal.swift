import Bytes
import Columnar
import Values

extension Scalar {
    /// Parses the text of a literal such as `DATE '2024-05-06'` like CAST; nil if the text is invalid.
    public init?(parsing text: String, as type: FieldType) {
        guard let value = ScalarText.read(text, as: type, .cast).value else { return nil }
        self = value
    }

    /// The value for messages, formatted like CAST to a string; strings are quoted.
    public var shown: String {
        switch self {
        case .null: "NULL"
        case .boolean(let value): value ? "TRUE" : "FALSE"
        case .string(let value): value.count <= 80 ? "'\(value)'" : "'\(value.prefix(80))…'"
        case .fixed(let value), .binary(let value): CountText.of(value.count, "byte")
        default: ScalarText.text(self, .cast)
        }
    }
}

extension FieldType {
    /// Advice with the literal format of the type.
    var writtenForm: String {
        switch self {
        case .date: "write it as 2024-05-06"
        case .time: "write it as 10:20:30"
        case .timestamp: "write it as 2024-05-06 10:20:30"
        case .timestamptz: "write it as 2024-05-06 10:20:30+00:00"
        case .uuid: "write it as 8-4-4-4-12 hexadecimal digits"
        default: "write it as a \(self)"
        }
    }
}
