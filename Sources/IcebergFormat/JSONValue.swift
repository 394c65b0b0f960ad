import Bytes
import Values

/// A JSON document that preserves the order of keys, exact integers and the text of other numbers.
///
/// Snapshot ids use all 63 bits, so numbers never pass through a `Double`.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Any other number, in its original text.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    public static func parse(_ bytes: [UInt8]) throws(WeirError) -> JSONValue {
        try JSONParser.parse(bytes)
    }

    public static func parse(_ text: String) throws(WeirError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8))
    }

    /// Compact JSON text in UTF-8.
    public func serialized() -> [UInt8] {
        var target = GrowableBuffer(capacity: 256)
        write(to: &target)
        return target.finishBytes()
    }

    public var text: String { String(decoding: serialized(), as: UTF8.self) }

    public var asString: String? { if case .string(let value) = self { value } else { nil } }
    public var asInteger: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var asBool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var asArray: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var asObject: JSONObject? { if case .object(let value) = self { value } else { nil } }

    func write(to target: inout GrowableBuffer) {
        switch self {
        case .null: target.appendText("null")
        case .bool(let value): target.appendText(value ? "true" : "false")
        case .integer(let value): target.appendInteger(value)
        case .number(var text): text.withUTF8 { target.append(UnsafeRawBufferPointer($0)) }
        case .string(let text): Self.write(text, to: &target)
        case .array(let values):
            target.appendByte(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { target.appendByte(UInt8(ascii: ",")) }
                value.write(to: &target)
            }
            target.appendByte(UInt8(ascii: "]"))
        case .object(let object):
            target.appendByte(UInt8(ascii: "{"))
            for (index, entry) in object.entries.enumerated() {
                if index > 0 { target.appendByte(UInt8(ascii: ",")) }
                Self.write(entry.key, to: &target)
                target.appendByte(UInt8(ascii: ":"))
                entry.value.write(to: &target)
            }
            target.appendByte(UInt8(ascii: "}"))
        }
    }

    static func write(_ text: String, to target: inout GrowableBuffer) {
        var text = text
        text.withUTF8 { target.appendJSONString(UnsafeRawBufferPointer($0)) }
    }
}
