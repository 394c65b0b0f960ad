import Bytes
import EventLog
import Foundation
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// Source tables of one topic with different numbers of target tables: each table gets its rows in log order.
@Suite(.hangGuard) struct UnevenRoutesTests {
    private static let sources = ["a", "b", "c", "d"]
    private static let tables = ["x", "y", "z"]

    private static func topology(_ routes: [String: [String]], _ more: String = "") -> String {
        let declared = tables.map {
            "  - { name: lake.\($0), columns: { id: long, v: string\($0 == "z" ? ", n: long" : "") }, primary-key: [id] }"
        }
        let routed = sources.flatMap { source in
            (routes[source] ?? []).map { "  - { source-table: shop.public.\(source), sink-table: lake.\($0) }" }
        }
        return """
            name: test
            pipeline: { commit.interval: 1h, commit.bytes: 4kb }
            source: { name: cdc, type: file-log, topics: [cdc], format: debezium-json\(more) }
            tables:
            \(declared.joined(separator: "\n"))
            route:
            \(routed.joined(separator: "\n"))
            sink: { type: mixed-iceberg }
            """
    }

    private static func event(_ source: String, _ op: String, before: String = "null", after: String = "null") -> String
    {
        "{\"before\":\(before),\"after\":\(after),\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"\(source)\"},"
            + "\"op\":\"\(op)\"}"
    }

    private static func append(_ values: [String], to writer: FileLogWriter, perBatch: Int) throws {
        var rest = values[...]
        while !rest.isEmpty {
            var builder = RecordBatchBuilder()
            for value in rest.prefix(perBatch) {
                try Array(value.utf8).withUnsafeBytes { try builder.append(key: nil, value: $0, timestamp: 1) }
            }
            _ = try writer.append(topic: "cdc", partition: 0, records: builder.finish())
            rest = rest.dropFirst(perBatch)
        }
    }

    @Test(arguments: SeededGenerator.seeds(6))
    func `the last change of a key wins in every table`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var routes: [String: [String]] = [:]
        for source in Self.sources {
            routes[source] = Self.tables.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
        }
        // At least one uneven pair.
        routes["a"] = ["x", "y"]
        routes["b"] = ["y"]
        var expected: [String: [Int: String]] = [:]
        var values: [String] = []
        for number in 0..<600 {
            let source = Self.sources.randomElement(using: &random) ?? "a"
            let id = Int.random(in: 0..<12, using: &random)
            let isDelete = Int.random(in: 0..<5, using: &random) == 0
            let row = "{\"id\":\(id),\"v\":\"\(source)\(number)\",\"n\":\(number)}"
            if isDelete {
                values.append(Self.event(source, "d", before: "{\"id\":\(id)}"))
            } else {
                values.append(Self.event(source, "u", after: row))
            }
            for table in routes[source] ?? [] {
                expected[table, default: [:]][id] = isDelete ? nil : "\(source)\(number)"
            }
        }
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("cdc")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let half = values.count / 2
            for part in [values[..<half], values[half...]] {
                try Self.append(Array(part), to: writer, perBatch: Int.random(in: 1...200, using: &random))
                try fixture.run(Self.topology(routes))
            }
            for table in Self.tables {
                #expect(
                    try fixture.contents("lake.\(table)") == expected[table] ?? [:],
                    "seed \(seed), \(table), \(routes)"
                )
            }
        }
    }

    @Test func `a run tells what turns up in records while it goes on`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("cdc")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let values = [
                Self.event("a", "c", after: "{\"id\":1,\"V\":\"one\",\"extra\":1,\"more\":2}"),
                Self.event("other", "c", after: "{\"id\":1}"), "{\"ts_ms\":1711961000000}",
                Self.event("a", "c", after: "{\"id\":\"x\"}"), Self.event("a", "t"),
                Self.event("a", "c", after: "{\"id\":2,\"V\":\"two\",\"extra\":1,\"more\":2}"),
            ]
            try Self.append(values, to: writer, perBatch: 100)
            let told = Mutex<[String]>([])
            let progress = try fixture.run(Self.topology(["a": ["x"]])) { text in told.withLock { $0.append(text) } }
            let texts = told.withLock { $0 }
            #expect(try fixture.contents("lake.x") == [1: "one", 2: "two"])
            for part in [
                "no route matches shop.public.other", "columns extra, more of shop.public.a",
                "column V of shop.public.a is taken for 'v'", "shop.public.a was truncated",
                "a record could not be taken in (topic cdc, partition 0, offset 3, for lake.x)",
            ] { #expect(texts.count { $0.contains(part) } == 1, "\(part): \(texts)") }
            #expect(texts.count == 5, "\(texts)")
            #expect(progress.withoutRows == 2 && progress.unrouted == 1 && progress.deadLetters == 1)
            #expect(progress.unroutedTables == ["shop.public.other"] && !progress.isAllRefused)
        }
    }

    @Test func `a run of which no record could be taken in says so`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("cdc")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try Self.append(["no JSON", "{\"ts_ms\":1}", Self.event("b", "c")], to: writer, perBatch: 10)
            #expect(try fixture.run(Self.topology(["a": ["x"]])).isAllRefused)
            try Self.append([Self.event("a", "c", after: "{\"id\":1,\"v\":\"a\"}"), "{"], to: writer, perBatch: 10)
            #expect(try !fixture.run(Self.topology(["a": ["x"]])).isAllRefused)
            #expect(try !fixture.run(Self.topology(["a": ["x"]])).isAllRefused)
        }
    }

    @Test func `units of single columns come from the topology`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("cdc")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let text = Self.topology(["a": ["x"]], ", debezium-json.timestamp-unit.v: nanoseconds")
                .replacing(
                    "name: lake.x, columns: { id: long, v: string }",
                    with: "name: lake.x, columns: { id: long, v: timestamp }"
                )
            try Self.append([Self.event("a", "c", after: "{\"id\":1,\"v\":5000}")], to: writer, perBatch: 10)
            #expect(try fixture.run(text).inserts == 1)
        }
    }
}
