import EventLog
import StreamRuntime
import Testing
import WeirTesting

/// What a run counts, compared with what its records meant.
@Suite(.hangGuard) struct RunCountsTests {
    private static let source = "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":"

    private static func event(_ op: String, before: String = "null", after: String, table: String = "people") -> String
    {
        "{\"before\":\(before),\"after\":\(after),\(source)\"\(table)\"},\"op\":\"\(op)\"}"
    }

    private static func run(_ text: String, topics: [String], _ records: [(topic: String, value: String?)]) throws
        -> IngestProgress
    {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            for topic in topics { try log.createTopic(topic) }
            let writer = FileLogWriter(log)
            defer { writer.close() }
            for topic in topics {
                let own = records.filter { $0.topic == topic }
                try DebeziumHistory.append(
                    own.map { .init(key: $0.value == nil ? "k" : nil, value: $0.value) },
                    to: writer,
                    topic: topic
                )
            }
            return try fixture.run(text)
        }
    }

    private static func filtered(key: String) -> String {
        IngestFixture.people
            .replacing("primary-key: [id]", with: key)
            .replacing("sink:", with: "transform: [{ source-table: shop.people, filter: \"country <> 'FR'\" }]\nsink:")
    }

    @Test(arguments: SeededGenerator.seeds(6))
    func `rows that a filter leaves out, deletes of them and deletes of nothing are told apart`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var expected = IngestProgress()
        var records: [(topic: String, value: String?)] = []
        // Ids and countries at the source; ids in the table.
        var (countries, held): ([Int: String], Set<Int>) = ([:], [])
        func row(_ id: Int, _ country: String) -> String {
            "{\"id\":\(id),\"name\":\"a\",\"amount\":\"1.00\",\"country\":\"\(country)\"}"
        }
        for _ in 0..<300 {
            expected.records += 1
            let id = Int.random(in: 0..<20, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                expected.tombstones += 1
                records.append(
                    (
                        "people",
                        [nil, "null", "{\"schema\":null,\"payload\":null}"].randomElement(using: &random) ?? nil
                    )
                )
            case 1:
                expected.withoutRows += 1
                records.append(("people", "{\"ts_ms\":1711961000000}"))
            case 2, 3:
                records.append(("people", Self.event("d", before: "{\"id\":\(id)}", after: "null")))
                if held.remove(id) != nil { expected.deletes += 1 } else { expected.redundantDeletes += 1 }
                countries[id] = nil
            default:
                let country = ["DE", "FR", "FR"].randomElement(using: &random) ?? ""
                let old = Bool.random(using: &random) ? countries[id] : nil
                let isNew = countries.updateValue(country, forKey: id) == nil
                records.append(
                    (
                        "people",
                        Self.event(
                            isNew ? "c" : "u",
                            before: old.map { row(id, $0) } ?? "null",
                            after: row(id, country)
                        )
                    )
                )
                if held.remove(id) != nil { expected.deletes += 1 }
                if country == "FR" {
                    expected.filtered += 1
                } else {
                    held.insert(id)
                    expected.inserts += 1
                }
            }
        }
        let found = try Self.run(Self.filtered(key: "primary-key: [id]"), topics: ["people"], records)
        #expect(found.records == expected.records && found.tombstones == expected.tombstones, "seed \(seed)")
        #expect(found.withoutRows == expected.withoutRows && found.deadLetters == 0, "seed \(seed)")
        #expect(found.inserts == expected.inserts && found.deletes == expected.deletes, "seed \(seed)")
        #expect(found.filtered == expected.filtered, "seed \(seed)")
        #expect(found.redundantDeletes == expected.redundantDeletes, "seed \(seed)")
    }

    @Test func `without a key a row that does not pass is counted, and nothing else`() throws {
        let rows = ["DE", "FR", "DE", "FR"].enumerated().map { id, country in
            Self.event("c", after: "{\"id\":\(id),\"amount\":\"1.00\",\"country\":\"\(country)\"}")
        }
        let found = try Self.run(Self.filtered(key: ""), topics: ["people"], rows.map { ("people", $0) })
        #expect(found.inserts == 2 && found.filtered == 2 && found.deletes == 0 && found.redundantDeletes == 0)
    }

    @Test func `rows without a match in an inner join count as left out`() throws {
        let text = """
            name: test
            pipeline: { commit.interval: 1h, commit.bytes: 1kb }
            source: { name: all, type: file-log, topics: [people, visits], format: debezium-json }
            tables:
              - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
              - { name: shop.visits, columns: { id: long, person: long }, primary-key: [id] }
            route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
            join:
              - name: shop.visitors
                from: shop.visits
                lookup: shop.people
                as: p
                on: person = p.id
                type: inner
                select: "visits.id, p.name AS who"
                primary-key: [id]
            sink: { type: mixed-iceberg }
            """
        let (known, unknown) = ("{\"id\":1,\"person\":1}", "{\"id\":2,\"person\":9}")
        let found = try Self.run(
            text,
            topics: ["people", "visits"],
            [
                ("people", Self.event("c", after: "{\"id\":1,\"name\":\"Ann\"}")),
                ("visits", Self.event("c", after: known, table: "visits")),
                ("visits", Self.event("c", after: unknown, table: "visits")),
                ("visits", Self.event("u", before: unknown, after: unknown, table: "visits")),
                ("visits", Self.event("d", before: unknown, after: "null", table: "visits")),
                // Its match is lost.
                ("visits", Self.event("u", before: known, after: "{\"id\":1,\"person\":9}", table: "visits")),
            ]
        )
        // One person; two visits, two updates and a delete; one joined row, which goes again.
        #expect(found.inserts == 1 + 4 + 1 && found.deletes == 3 + 1)
        #expect(found.filtered == 3)
        // The source's delete of a visit that was never joined.
        #expect(found.redundantDeletes == 1)
    }
}
