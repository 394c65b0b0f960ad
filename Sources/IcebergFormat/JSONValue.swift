import Bytes

/// A JSON document that keeps what it does not understand: order of keys, exact integers, the text of other numbers.
///
/// Snapshot ids use all 63 bits, so numbers never pass through a `Double`.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Any other number, as it was written.
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
        var writer = ByteWriter(capacity: 256)
        write(to: &writer)
        return writer.bytes
    }

    public var text: String { String(decoding: serialized(), as: UTF8.self) }

    public var asString: String? { if case .string(let value) = self { value } else { nil } }
    public var asInteger: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var asBool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var asArray: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var asObject: JSONObject? { if case .object(let value) = self { value } else { nil } }

    private func write(to writer: inout ByteWriter) {
        switch self {
        case .null: writer.writeString("null")
        case .bool(let value): writer.writeString(value ? "true" : "false")
        case .integer(let value): writer.writeString(String(value))
        case .number(let text): writer.writeString(text)
        case .string(let text): Self.write(text, to: &writer)
        case .array(let values):
            writer.writeUInt8(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { writer.writeUInt8(UInt8(ascii: ",")) }
                value.write(to: &writer)
            }
            writer.writeUInt8(UInt8(ascii: "]"))
        case .object(let object):
            writer.writeUInt8(UInt8(ascii: "{"))
            for (index, entry) in object.entries.enumerated() {
                if index > 0 { writer.writeUInt8(UInt8(ascii: ",")) }
                Self.write(entry.key, to: &writer)
                writer.writeUInt8(UInt8(ascii: ":"))
                entry.value.write(to: &writer)
            }
            writer.writeUInt8(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to writer: inout ByteWriter) {
        writer.writeUInt8(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): writer.writeString("\\\"")
            case UInt8(ascii: "\\"): writer.writeString("\\\\")
            case 0x0a: writer.writeString("\\n")
            case 0x0d: writer.writeString("\\r")
            case 0x09: writer.writeString("\\t")
            case 0..<0x20: writer.writeString("\\u00" + Hex.encode([byte]))
            default: writer.writeUInt8(byte)
            }
        }
        writer.writeUInt8(UInt8(ascii: "\""))
    }
}
