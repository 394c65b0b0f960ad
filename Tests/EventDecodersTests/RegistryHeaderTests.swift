import Columnar
import EventLog
import Testing

@testable import EventDecoders

/// Records of schema registry serializers: a zero byte, the schema id, then the value.
@Suite struct RegistryHeaderTests {
    private static let header: [UInt8] = [0, 0, 0, 1, 7]
    private static let insert = #"{"op":"c","after":{"id":1,"note":"a"},"source":{"db":"d","table":"t"}}"#
    private static let delete = #"{"op":"d","source":{"db":"d","table":"t"}}"#

    private static func decode(_ events: [Event], skipping: Bool) throws -> DecodedBatch {
        var options = DebeziumJSONOptions()
        options.skipsRegistryHeader = skipping
        let decoder = DebeziumJSONDecoder(options: options) { _ in
            TableTarget(index: 0, schema: Schema(["id": .long, "note": .string]), primaryKey: ["id"])
        }
        return try decoder.decode(RawBatch(events))
    }

    private static func framed(_ text: String) -> [UInt8] { header + Array(text.utf8) }

    @Test func `JSON behind it is refused with the option that reads it`() throws {
        let decoded = try Self.decode([Event(bytes: Self.framed(Self.insert)), Event(Self.insert)], skipping: false)
        let reason = try #require(decoded.rejected.first?.reason)
        #expect(decoded.rejected.count == 1 && decoded.changes.first?.batch.count == 1)
        #expect(reason.contains("schema registry's header (schema id 263), with JSON behind it"), "\(reason)")
        #expect(reason.contains("debezium-json.schema-registry-header to skip"), "\(reason)")
    }

    @Test func `it is passed over where it is to be, in values and keys`() throws {
        let events = [
            Event(bytes: Self.framed(Self.insert)),
            Event(Self.insert),
            Event(bytes: Self.framed(" \n" + Self.insert)),
            Event(bytes: Self.framed(Self.delete), key: Self.framed(#"{"id":1}"#)),
            Event(bytes: Self.framed("null")),
            Event(bytes: Self.framed(#"{"schema":{"type":"struct","fields":[]},"payload":\#(Self.insert)}"#)),
        ]
        let decoded = try Self.decode(events, skipping: true)
        #expect(decoded.rejected.isEmpty, "\(decoded.rejected.map(\.reason))")
        #expect(
            decoded.changes.first?.batch.lines.map { $0.dropFirst(4) } == [
                "+I 1|a", "+I 1|a", "+I 1|a", "-D 1|-", "+I 1|a",
            ]
        )
        #expect(decoded.tombstones == 1)
    }

    @Test(arguments: [false, true])
    func `Avro and Protobuf behind it are named, and never guessed at`(_ skipping: Bool) throws {
        let avro: [UInt8] = Self.header + [0, 2, 2, 2, 0x61]
        let protobuf: [UInt8] = Self.header + [0, 0x0a, 3, 8, 1, 16]
        let decoded = try Self.decode([avro, protobuf, Self.header].map { Event(bytes: $0) }, skipping: skipping)
        #expect(decoded.changes.isEmpty && decoded.rejected.count == 3)
        for rejected in decoded.rejected {
            #expect(rejected.reason.contains("schema id 263), with no JSON behind it, so with Avro or Protobuf"))
            #expect(rejected.reason.contains("JsonConverter"), "\(rejected.reason)")
        }
        // A value that is shorter than a header has none.
        let short = try Self.decode([Event(bytes: [0, 1])], skipping: skipping)
        #expect(short.rejected.first?.reason.contains("registry") == false)
    }
}
