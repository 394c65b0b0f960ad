import Bytes
import Columnar

extension SingleValue {
    /// Decodes a value of a type from its JSON single-value serialization (spec appendix D), used for default values.
    public static func decode(_ json: JSONValue, _ type: FieldType) throws(WeirError) -> Scalar {
        switch (json, type) {
        case (.null, _): return .null
        case (.bool(let flag), .boolean): return .boolean(flag)
        case (.integer(let number), .int), (.integer(let number), .long), (.integer(let number), .float),
            (.integer(let number), .double):
            return try ScalarText.parse(String(number), as: type)
        case (.number(let text), .float), (.number(let text), .double):
            return try ScalarText.parse(text, as: type)
        case (.string(let text), .string): return .string(text)
        case (.string, .boolean), (.string, .int), (.string, .long): break
        case (.string(let text), _): return try ScalarText.parse(text, as: type)
        default: break
        }
        throw WeirError(.corrupt, "\(json.text) is no value of type \(type)")
    }
}
