import Bytes
import ChangeEvents
import Columnar
import EventLog
import Testing

@testable import EventDecoders

struct EnvelopeTests {
    private let schema = Schema(["id": .long, "name": .string, "n": .int])
    private let source = "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\"}"

    private func decode(_ events: [Event], padding: Int = RawBatch.padding) throws -> DecodedBatch {
        let target = TableTarget(index: 0, schema: schema, primaryKey: ["id"])
        return try DebeziumJSONDecoder { _ in target }.decode(RawBatch(events, padding: padding))
    }

    private func lines(_ value: String, key: String? = nil) throws -> [String] {
        let decoded = try decode([Event(value, key: key)])
        if let rejected = decoded.rejected.first { return ["! \(rejected.reason)"] }
        return decoded.changes.flatMap(\.batch.lines)
    }

    private func row(_ id: Int, _ name: String = "a", _ n: Int = 1) -> String {
        "{\"id\":\(id),\"name\":\"\(name)\",\"n\":\(n)}"
    }

    @Test
    func `turns operations into changes`() throws {
        #expect(try lines("{\"before\":null,\"after\":\(row(1)),\(source),\"op\":\"c\"}") == ["100 +I 1|a|1"])
        #expect(try lines("{\"after\":\(row(1)),\(source),\"op\":\"r\"}") == ["100 +I 1|a|1"])
        #expect(
            try lines("{\"before\":\(row(1)),\"after\":\(row(1, "b")),\(source),\"op\":\"u\"}")
                == ["100 -U 1|a|1", "100 +U 1|b|1"]
        )
        #expect(try lines("{\"before\":null,\"after\":\(row(1, "b")),\(source),\"op\":\"u\"}") == ["100 +U 1|b|1"])
        #expect(try lines("{\"before\":\(row(1)),\"after\":null,\(source),\"op\":\"d\"}") == ["100 -D 1|a|1"])
        #expect(
            try lines("{\"before\":\(row(1)),\"after\":\(row(2)),\(source),\"op\":\"u\"}")
                == ["100 -D 1|a|1", "100 +I 2|a|1"]
        )
    }

    @Test
    func `takes a delete's key from the record when there is no old row`() throws {
        let delete = "{\"before\":null,\"after\":null,\(source),\"op\":\"d\"}"
        #expect(try lines(delete, key: "{\"id\":7}") == ["100 -D 7|-|-"])
        #expect(
            try lines(delete, key: "{\"schema\":{\"type\":\"struct\",\"fields\":[]},\"payload\":{\"id\":7}}")
                == ["100 -D 7|-|-"]
        )
        #expect(try lines(delete)[0].contains("the record has none"))
        #expect(try lines(delete, key: "{\"other\":7}")[0].contains("key.id is null or absent"))
        #expect(try lines(delete, key: "7")[0].contains("the key: expected a JSON object"))
        #expect(try lines(delete, key: "{\"id\":7")[0].hasPrefix("! "))
        #expect(try lines(delete, key: "{\"id\":7}}")[0].contains("more text behind"))
    }

    @Test
    func `reads members in any order and spelling`() throws {
        let orders = [
            "{\"op\":\"c\",\(source),\"after\":\(row(1))}",
            "{\"\\u006fp\":\"c\",\(source),\"\\u0061fter\":{\"\\u0069d\":1,\"nam\\u0065\":\"a\",\"n\":1}}",
            " {\n\"after\" : { \"n\" : 1 , \"x\" : [ {} ] , \"name\" : \"a\" , \"id\" : 1 } , \"op\" : \"c\" , \(source) }\n",
            "{\"payload\":{\"after\":\(row(1)),\(source),\"op\":\"c\"},\"schema\":{\"type\":\"struct\"}}",
            "{\"schema\":null,\"payload\":{\"after\":\(row(1)),\(source),\"op\":\"c\"}}",
        ]
        for value in orders { #expect(try lines(value) == ["100 +I 1|a|1"], "\(value)") }
    }

    @Test
    func `nulls what a row does not name and ignores what it names besides`() throws {
        #expect(try lines("{\"after\":{\"id\":1,\"extra\":{\"id\":2}},\(source),\"op\":\"c\"}") == ["100 +I 1|-|-"])
    }

    @Test
    func `rejects what is not a whole and clear change`() throws {
        let after = "\"after\":\(row(1))"
        let cases: [(value: String, reason: String)] = [
            ("", "it is empty"), ("{", "expected a member name"), ("[]", "expected a JSON object"),
            ("5", "expected a JSON object"), ("not json", "not JSON: it begins with not instead of '{'"),
            ("true", "expected a JSON object, found true"),
            ("{}", "no member 'op'"), ("{\(after),\(source),\"op\":\"c\"}x", "more text"),
            ("{\(after),\(source),\"op\":\"c\"}{}", "more text"), ("{\(after),\(source),\"op\":\"c\",}", "well-formed"),
            ("{\(after),\(source),\"op\":\"x\"}", "expected one of c, r, u, d, t, m"),
            ("{\(after),\(source),\"op\":7}", "op: expected text"), ("{\(source),\"op\":\"c\"}", "needs the new row"),
            ("{\(after),\(after),\(source),\"op\":\"c\"}", "after is there twice"),
            ("{\(after),\(source),\"op\":\"c\",\"op\":\"d\"}", "op is there twice"),
            ("{\"after\":{\"id\":1,\"id\":2},\(source),\"op\":\"c\"}", "after.id is there twice"),
            ("{\"after\":{\"name\":\"a\"},\(source),\"op\":\"c\"}", "after.id is null or absent"),
            ("{\"after\":{\"id\":null},\(source),\"op\":\"u\"}", "after.id is null or absent"),
            ("{\"before\":{},\(after),\(source),\"op\":\"u\"}", "before.id is null or absent"),
            ("{\"before\":[],\(after),\(source),\"op\":\"u\"}", "before: expected an object or null"),
            ("{\"after\":5,\(source),\"op\":\"c\"}", "after: expected an object or null"),
            ("{\"after\":{\"id\":1]},\(source),\"op\":\"c\"}", "not JSON"),
            ("{\"after\":{\"id\" 1},\(source),\"op\":\"c\"}", "after"),
            ("{\(after),\"source\":[],\"op\":\"c\"}", "source"),
            ("{\(after),\"source\":{\"table\":5},\"op\":\"c\"}", "source.table"),
            ("\u{feff}{\(after),\(source),\"op\":\"c\"}", "byte order mark"),
            ("{\"schema\":{\"type\":\"struct\"},\"payload\":7}", "payload: expected an object"),
            ("{\"schema\":5,\"payload\":{\(after),\(source),\"op\":\"c\"}}", "schema block"),
        ]
        for (value, reason) in cases {
            let line = try lines(value)
            #expect(line.count == 1 && line[0].hasPrefix("! ") && line[0].contains(reason), "\(value) gave \(line)")
        }
    }

    @Test
    func `counts tombstones and messages`() throws {
        let decoded = try decode([
            Event(nil, key: "{\"id\":1}"), Event("null"), Event("{\"schema\":null,\"payload\":null}"),
            Event("{\"op\":\"m\",\"message\":{\"prefix\":\"p\"}}"),
        ])
        #expect(decoded.tombstones == 3 && decoded.ignored == 0 && decoded.withoutRows == 1)
        #expect(decoded.changes.isEmpty && decoded.rejected.isEmpty)
    }

    @Test
    func `rejects one record alone and keeps its bytes`() throws {
        let good = "{\"after\":\(row(1)),\(source),\"op\":\"c\"}"
        // The old row is complete and the new one fails in its last column.
        let torn =
            "{\"before\":\(row(2, "gone")),\"after\":{\"id\":2,\"name\":\"lost\",\"n\":\"x\"},\(source),\"op\":\"u\"}"
        var invalid = Array(good.utf8)
        invalid[20] = 0xff
        var nul = Array(good.utf8)
        nul[0] = 0
        let deep = "{\"x\":" + String(repeating: "[", count: 100_000)
        let decoded = try decode([
            Event(good), Event(torn, key: "k"), Event(good), Event(bytes: invalid), Event(deep), Event(bytes: nul),
            Event(good),
        ])
        #expect(decoded.changes[0].batch.lines == ["100 +I 1|a|1", "102 +I 1|a|1", "106 +I 1|a|1"])
        #expect(decoded.rejected.map(\.offset) == [101, 103, 104, 105])
        let first = try #require(decoded.rejected.first)
        #expect(first.reason == "after.n: expected int, found \"x\"")
        #expect(first.value == Array(torn.utf8) && first.key == Array("k".utf8))
        #expect(first.topic == "shop.public.orders" && first.partition == 3)
        let bytes = try #require(decoded.rejected[2].value)
        #expect(bytes.count == 64 * 1024 && decoded.rejected[2].valueCount == deep.utf8.count)
    }

    @Test
    func `asks once for each source and keeps tables apart`() throws {
        var asked: [SourceTable] = []
        let schema = Schema(["id": .long])
        let decoder = DebeziumJSONDecoder { source in
            asked.append(source)
            switch source.identifier {
            case "shop.orders": return TableTarget(index: 4, schema: schema, primaryKey: ["id"])
            case "shop.public.lines", "topic": return TableTarget(index: 2, schema: schema, primaryKey: ["id"])
            default: return nil
            }
        }
        func event(_ id: Int, _ source: String) -> Event {
            Event("{\"after\":{\"id\":\(id)},\"source\":\(source),\"op\":\"c\"}")
        }
        let events = [
            event(1, "{\"db\":\"shop\",\"table\":\"orders\"}"),
            event(2, "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"lines\"}"),
            event(3, "{\"db\":\"shop\",\"schema\":null,\"table\":\"orders\"}"), event(4, "null"),
            event(5, "{\"db\":\"shop\",\"table\":\"o\\u0074hers\"}"),
            event(6, "{\"db\":\"shop\",\"table\":\"orders\"}"),
        ]
        for round in 1...2 {
            let decoded = try decoder.decode(RawBatch(events, topic: "topic"))
            #expect(decoded.changes.map(\.table) == [2, 4])
            #expect(decoded.changes[0].batch.lines == ["101 +I 2", "103 +I 4"])
            #expect(decoded.changes[1].batch.lines == ["100 +I 1", "102 +I 3", "105 +I 6"])
            #expect(decoded.ignored == 1)
            #expect(
                asked.map(\.identifier) == ["shop.orders", "shop.public.lines", "topic", "shop.others"],
                "\(round)"
            )
        }
    }

    @Test
    func `refuses a batch that points outside its arena`() throws {
        let arena = Buffer(copying: [UInt8](repeating: 0, count: 100))
        for (start, count) in [(90, 20), (-1, 5), (Int(Int32.max), Int(Int32.max))] {
            let record = RawBatch.Record(
                offset: 9,
                timestamp: 0,
                keyStart: 0,
                keyCount: -1,
                valueStart: Int32(start),
                valueCount: Int32(count)
            )
            let table = withUnsafeBytes(of: record) { Buffer(copying: $0) }
            let decoder = DebeziumJSONDecoder { _ in nil }
            #expect(throws: WeirError.self) {
                _ = try decoder.decode(RawBatch(topic: "t", partition: 0, arena: arena, table: table))
            }
        }
    }

    @Test
    func `refuses a target it cannot fill`() {
        let nested = Schema(["id": .long, "l": .list(element: Field(id: 9, name: "e", type: .int))])
        for target in [
            TableTarget(index: 0, schema: nested, primaryKey: ["id"]),
            TableTarget(index: 0, schema: schema, primaryKey: ["ident"]),
        ] {
            let decoder = DebeziumJSONDecoder { _ in target }
            #expect(throws: WeirError.self) {
                _ = try decoder.decode(RawBatch([Event("{\"after\":{\"id\":1},\"op\":\"c\"}")]))
            }
        }
    }

    @Test
    func `rejects a row without a required value`() throws {
        let schema = Schema([
            Field(id: 1, name: "id", type: .long), Field(id: 2, name: "n", type: .int, isRequired: true),
        ])
        let decoder = DebeziumJSONDecoder { _ in TableTarget(index: 0, schema: schema, primaryKey: ["id"]) }
        let decoded = try decoder.decode(
            RawBatch([
                Event("{\"after\":{\"id\":1},\"op\":\"c\"}"),
                Event("{\"before\":{\"id\":1},\"after\":{\"id\":1,\"n\":2},\"op\":\"u\"}"),
            ])
        )
        #expect(decoded.rejected.map(\.reason) == ["after.n is null or absent, but the column is required"])
        #expect(decoded.changes[0].batch.lines == ["101 -U 1|-", "101 +U 1|2"])
    }
}
