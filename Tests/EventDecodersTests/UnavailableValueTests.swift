import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// The placeholder of an omitted value is not a value.
struct UnavailableValueTests {
    static let text = "__debezium_unavailable_value"
    static let base64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
    static let hex = "5f5f646562657a69756d5f756e617661696c61626c655f76616c7565"

    private static func decode(
        _ json: String,
        _ type: FieldType = .string,
        options: DebeziumJSONOptions = DebeziumJSONOptions()
    ) throws -> DecodedBatch {
        let target = TableTarget(index: 0, schema: Schema(["id": .long, "note": type]), primaryKey: ["id"])
        let row = "{\"id\":1,\"note\":\(json)}"
        return try DebeziumJSONDecoder(options: options) { _ in target }
            .decode(RawBatch([Event("{\"before\":null,\"after\":\(row),\"op\":\"u\"}")]))
    }

    @Test(arguments: [
        "\"\(text)\"", "\"__debezium\\u005funavailable_value\"", "\"\(base64)\"", "\"\(hex)\"",
        "\"\(hex.uppercased())\"",
        "[\"\(text)\"]", "[ \"\(text)\" ]", "{\"\(text)\":\"\(text)\"}", "\"{\\\"\(text)\\\":\\\"\(text)\\\"}\"",
        "[\(text.utf8.map { "\($0)" }.joined(separator: ","))]",
        // Java's UUID.nameUUIDFromBytes of the text.
        "[\"\(uuid)\"]",
    ])
    func `no form of it becomes text`(_ json: String) throws {
        let decoded = try Self.decode(json)
        #expect(decoded.changes.isEmpty, "\(decoded.changes.map(\.batch.lines))")
        let reason = try #require(decoded.rejected.first?.reason)
        #expect(reason.hasPrefix("after.note: expected string, found"), "\(reason)")
        #expect(reason.contains("left out this unchanged value (TOAST)"), "\(reason)")
    }

    static let uuid = "b68a35a7-17ad-35b3-af2a-ae46edb4545a"

    @Test(arguments: ["\"\(text)x\"", "\"\"", "[]", "[\"\(text)\",\"a\"]", "[95]", "{}", "{\"\(text)\":1}", "\"a\""])
    func `what only resembles it is text`(_ json: String) throws {
        let decoded = try Self.decode(json)
        #expect(decoded.rejected.isEmpty && decoded.changes.first?.batch.count == 1)
    }

    @Test func `bytes and numbers say why, too`() throws {
        for type in [FieldType.binary, .fixed(28), .long, .double, .boolean, .timestamp, .uuid] {
            for json in type == .binary || type == .fixed(28)
                ? ["\"\(Self.text)\"", "\"\(Self.base64)\""] : ["\"\(Self.text)\""]
            {
                let reason = try Self.decode(json, type).rejected.first?.reason
                #expect(reason?.contains("left out this unchanged value") == true, "\(type) \(json): \(reason ?? "-")")
            }
        }
    }

    @Test func `another text can stand for it`() throws {
        var options = DebeziumJSONOptions()
        options.unavailableValue = "gone"
        #expect(try Self.decode("\"gone\"", options: options).rejected.count == 1)
        #expect(try Self.decode("\"Z29uZQ==\"", .binary, options: options).rejected.count == 1)
        #expect(try Self.decode("\"\(Self.text)\"", options: options).changes.count == 1)
    }
}
