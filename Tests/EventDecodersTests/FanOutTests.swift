import Bytes
import ChangeEvents
import Columnar
import EventLog
import Testing
import WeirTesting

@testable import EventDecoders

/// A record is read once, however many tables its source goes to.
struct FanOutTests {
    private static func event(_ table: String, _ after: String, before: String = "null", op: String = "c") -> Event {
        let source = "{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"\(table)\"}"
        return Event("{\"before\":\(before),\"after\":\(after),\"source\":\(source),\"op\":\"\(op)\"}")
    }

    private static func decoder(_ routes: [String: [TableTarget]]) -> DebeziumJSONDecoder {
        DebeziumJSONDecoder(DebeziumJSONOptions()) { source in routes[source.table ?? ""] ?? [] }
    }

    @Test func `rows of several sources reach a table in the order of the log`() throws {
        let schema = Schema(["id": .long, "v": .string])
        let x = TableTarget(index: 0, schema: schema, primaryKey: ["id"])
        let y = TableTarget(index: 1, schema: schema, primaryKey: ["id"])
        let decoder = Self.decoder(["a": [x, y], "b": [y]])
        let batch = RawBatch([
            Self.event("a", "{\"id\":1,\"v\":\"a0\"}"), Self.event("b", "{\"id\":1,\"v\":\"b1\"}"),
            Self.event("a", "{\"id\":1,\"v\":\"a2\"}", before: "{\"id\":1,\"v\":\"b1\"}", op: "u"),
            Self.event("b", "{\"id\":1,\"v\":\"b3\"}"),
        ])
        for _ in 1...2 {
            let decoded = try decoder.decode(batch)
            #expect(decoded.changes.map(\.table) == [0, 1])
            #expect(decoded.changes[0].batch.lines == ["100 +I 1|a0", "102 -U 1|b1", "102 +U 1|a2"])
            #expect(
                decoded.changes[1].batch.lines
                    == ["100 +I 1|a0", "101 +I 1|b1", "102 -U 1|b1", "102 +U 1|a2", "103 +I 1|b3"]
            )
        }
    }

    @Test func `two types of one column are read in one pass, keys are each table's own`() throws {
        let numbers = TableTarget(index: 0, schema: Schema(["id": .long, "n": .long]), primaryKey: ["id"])
        let texts = TableTarget(index: 1, schema: Schema(["id": .string, "n": .string]), primaryKey: ["id", "n"])
        let rows = TableTarget(index: 2, schema: Schema(["n": .string]), primaryKey: [])
        let decoder = Self.decoder(["a": [numbers, texts, rows]])
        let update = Self.event("a", "{\"id\":1,\"n\":6}", before: "{\"id\":1,\"n\":5}", op: "u")
        let decoded = try decoder.decode(RawBatch([update]))
        #expect(decoded.changes[0].batch.lines == ["100 -U 1|5", "100 +U 1|6"])
        // The key changes here.
        #expect(decoded.changes[1].batch.lines == ["100 -D 1|5", "100 +I 1|6"])
        #expect(decoded.changes[2].batch.lines == ["100 -U 5", "100 +U 6"])
        #expect(decoded.sources.count == 1 && decoded.sources[0].columns.count == 4)
    }

    @Test func `a value that one table cannot hold keeps its record from that table alone`() throws {
        let strict = TableTarget(index: 0, schema: Schema(["id": .long, "n": .int]), primaryKey: ["id"])
        let loose = TableTarget(index: 1, schema: Schema(["id": .long, "n": .string]), primaryKey: ["id"])
        let keyed = TableTarget(index: 2, schema: Schema(["id": .long, "k": .string]), primaryKey: ["k"])
        let decoder = Self.decoder(["a": [strict, loose, keyed]])
        let decoded = try decoder.decode(
            RawBatch([
                Self.event("a", "{\"id\":1,\"n\":1,\"k\":\"x\"}"),
                Self.event("a", "{\"id\":2,\"n\":\"no\",\"k\":\"y\"}"),
                Self.event("a", "{\"id\":3,\"n\":3}"), Self.event("a", "{\"id\":4,\"n\":4,\"k\":\"z\"}"),
                Self.event("a", "{\"id\":[],\"n\":5}"),
            ])
        )
        #expect(decoded.changes[0].batch.lines == ["100 +I 1|1", "102 +I 3|3", "103 +I 4|4"])
        #expect(decoded.changes[1].batch.lines == ["100 +I 1|1", "101 +I 2|no", "102 +I 3|3", "103 +I 4|4"])
        #expect(decoded.changes[2].batch.lines == ["100 +I 1|x", "101 +I 2|y", "103 +I 4|z"])
        #expect(decoded.rejected.prefix(2).map(\.tables) == [[0], [2]])
        #expect(decoded.rejected[0].reason == "after.n: expected int, found \"no\"")
        #expect(decoded.rejected[1].reason == "after.k is null or absent, but belongs to the primary key")
        // Every table takes the key column of the last one, so that none is left.
        #expect(Set(decoded.rejected.dropFirst(2).flatMap(\.tables)) == [0, 1, 2])
        #expect(decoded.rejected.dropFirst(2).allSatisfy { $0.reason == "after.id: expected long, found an array" })
    }

    @Test(arguments: SeededGenerator.seeds(20))
    func `any routes give each table what it would have got alone, in log order`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let columns: [(String, FieldType)] = [
            ("id", .long), ("n", .int), ("n", .string), ("n", .long), ("v", .string), ("w", .string), ("k", .int),
        ]
        let targets = (0..<4).map { index in
            var names: Set<String> = ["id"]
            let chosen =
                [columns[0]]
                + columns.dropFirst().shuffled(using: &random).prefix(3).filter { names.insert($0.0).inserted }
            let schema = Schema(
                chosen.enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
            )
            let hasTwo = chosen.count > 1 && Bool.random(using: &random)
            return TableTarget(index: index, schema: schema, primaryKey: hasTwo ? ["id", chosen[1].0] : ["id"])
        }
        var routes: [String: [TableTarget]] = [:]
        for source in ["a", "b", "c", "d"] { routes[source] = targets.filter { _ in Bool.random(using: &random) } }
        func row() -> String {
            let n = ["1", "\"t\"", "7", "null"].randomElement(using: &random) ?? "1"
            let k = ["2", "\"odd\"", "null"].randomElement(using: &random) ?? "2"
            return
                "{\"id\":\(Int.random(in: 0..<5, using: &random)),\"n\":\(n),\"v\":\"v\(Int.random(in: 0..<9, using: &random))\",\"k\":\(k)}"
        }
        let events = (0..<120).map { _ in
            let source = ["a", "b", "c", "d"].randomElement(using: &random) ?? "a"
            let isUpdate = Bool.random(using: &random)
            return Self.event(source, row(), before: isUpdate ? row() : "null", op: isUpdate ? "u" : "c")
        }
        let batch = RawBatch(events)
        let decoded = try Self.decoder(routes).decode(batch)
        for target in targets {
            let alone = try Self.decoder(routes.mapValues { $0.filter { $0.index == target.index } }).decode(batch)
            let together = decoded.changes.first { $0.table == target.index }?.batch.lines ?? []
            #expect(together == alone.changes.first?.batch.lines ?? [], "seed \(seed), table \(target.index)")
            let refused = decoded.rejected.filter { $0.tables.contains(target.index) }.map(\.offset)
            #expect(refused == alone.rejected.map(\.offset), "seed \(seed), table \(target.index)")
        }
    }
}
