import Bytes
import Columnar
import EventEncoders
import EventLog
import Foundation
import StreamRuntime
import Testing
import Topology
import WeirTesting

/// A sink of format json, which cannot express deletes, next to a table with a key.
@Suite struct JSONSinkTests {
    private static let topology = """
        name: test
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
          - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        sink: { type: mixed-iceberg }
        """

    private static func event(_ operation: String, before: String = "null", after: String = "null") -> String {
        "{\"before\":\(before),\"after\":\(after),\"op\":\"\(operation)\","
            + "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"people\"}}"
    }

    private static func append(_ events: [String], _ fixture: IngestFixture) throws {
        let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
        defer { writer.close() }
        try DebeziumHistory.append(events.map { .init(key: nil, value: $0) }, to: writer, topic: "people")
    }

    private static func run(_ fixture: IngestFixture, _ formats: [(MemoryTopic, EventFormat)]) throws {
        let plan = try IngestPlan.resolve(
            IngestFixture.topology(topology),
            catalog: fixture.catalog(),
            nowMilliseconds: 1_700_000_000_000
        ) { (_) throws(WeirError) in try FileLog(root: fixture.logRoot) }
        let schema = plan.targets[0].outputSchema
        let mirrored = IngestPlan(
            topology: plan.topology,
            sources: plan.sources,
            targets: plan.targets,
            topics: formats.map { $0.output(table: "shop.people", sink: 0, schema: schema, format: $1, key: ["id"]) },
            route: plan.route,
            commitMilliseconds: plan.commitMilliseconds,
            commitBytes: plan.commitBytes
        )
        try IngestRun(mirrored, deadLetterPath: fixture.deadLetters).run(untilCaughtUp: true)
    }

    private static func letters(_ fixture: IngestFixture) throws -> [DeadLetter] {
        try String(contentsOfFile: fixture.deadLetters, encoding: .utf8).split(separator: "\n")
            .map { try JSONDecoder().decode(DeadLetter.self, from: Data($0.utf8)) }
    }

    @Test func `a delete is a dead letter of the topic, and every other sink and start goes on`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            try FileLog(root: fixture.logRoot).createTopic("people")
            let rows = (1...3).map { "{\"id\":\($0),\"name\":\"n\($0)\"}" }
            try Self.append(
                rows.map { Self.event("c", after: $0) } + [
                    Self.event("d", before: rows[0]),
                    // Another key: the old row is gone.
                    Self.event("u", before: rows[1], after: "{\"id\":7,\"name\":\"n2\"}"),
                ],
                fixture
            )
            let (flat, whole) = (MemoryTopic(), MemoryTopic())
            for _ in 0..<2 { try Self.run(fixture, [(flat, .json), (whole, .upsertKafka)]) }
            #expect(flat.values == rows + ["{\"id\":7,\"name\":\"n2\"}"])
            #expect(whole.values.sorted() == (flat.values + ["", ""]).sorted())
            #expect(try fixture.ids("shop.people").sorted() == [3, 7])
            let letters = try Self.letters(fixture)
            #expect(letters.map(\.offset) == [3, 4], "each once, after any number of starts")
            #expect(letters.map(\.op) == ["-D", "-D"] && letters.map(\.row) == Array(rows[..<2]))
            #expect(letters.allSatisfy { $0.table == "shop.people" && $0.reason.contains("cannot express a delete") })
            #expect(letters[0].reason.contains("use upsert-kafka or debezium-json"), "\(letters[0].reason)")

            try Self.append([Self.event("d", before: rows[2]), Self.event("c", after: rows[0])], fixture)
            try Self.run(fixture, [(flat, .json), (whole, .upsertKafka)])
            #expect(flat.values.last == rows[0] && whole.values.suffix(2).sorted() == ["", rows[0]])
            #expect(try Self.letters(fixture).map(\.offset) == [3, 4, 5])
        }
    }
}
