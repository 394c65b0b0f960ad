import Bytes
import ChangeEvents
import Columnar
import EventLog
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// Start positions of a run, and the order of startup.
@Suite struct StartupTests {
    private static func record(_ table: String, _ row: String, before: String = "null", operation: String = "c")
        -> String
    {
        """
        {"before":\(before),"after":\(row),"source":{"db":"postgres","schema":"public","table":"\(table)"},\
        "op":"\(operation)"}
        """
    }

    private static func append(_ values: [String], to writer: FileLogWriter, _ topic: String) throws {
        try DebeziumHistory.append(values.map { .init(key: nil, value: $0) }, to: writer, topic: topic)
    }

    @Test func `a dimension comes before its stream, whatever the topics are called`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            // The stream's topic comes first by name, and no topic is named like a table.
            try log.createTopic("a-stream")
            try log.createTopic("z-dimension")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try Self.append(
                (0..<50).map { Self.record("visits", "{\"id\":\($0),\"who\":\($0 % 5)}") },
                to: writer,
                "a-stream"
            )
            let people = (0..<5).map { Self.record("people", "{\"id\":\($0),\"name\":\"n\($0)\"}") }
            try Self.append(people, to: writer, "z-dimension")
            try fixture.run(
                """
                name: test
                source: { name: all, type: file-log, topics: [a-stream, z-dimension], format: debezium-json }
                tables:
                  - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
                  - { name: shop.visits, columns: { id: long, who: long }, primary-key: [id] }
                route: [{ source-table: postgres.public.(.*), sink-table: shop.$1 }]
                join:
                  - name: shop.joined
                    from: shop.visits
                    lookup: shop.people
                    as: p
                    on: who = p.id
                    type: inner
                    select: "visits.id, p.name"
                    primary-key: [id]
                sink: { type: mixed-iceberg }
                """
            )
            let joined = try fixture.contents("shop.joined")
            #expect(joined.count == 50)
            for (id, name) in joined { #expect(name == "n\(id % 5)") }
        }
    }

    @Test func `latest-offset begins at the end once, not at every start`() throws {
        try withTemporaryFolder { folder in
            var history = DebeziumHistory(seed: 3)
            history.extend(20)
            let fixture = try IngestTests.prepare(folder, history)
            let latest = IngestFixture.people.replacingOccurrences(
                of: "format: debezium-json",
                with: "format: debezium-json, scan.startup.mode: latest-offset"
            )
            #expect(try fixture.run(latest).records == 0)
            let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
            defer { writer.close() }
            try Self.append(
                [
                    Self.record("people", "{\"id\":7,\"name\":\"new\"}").replacingOccurrences(
                        of: "postgres",
                        with: "shop"
                    )
                ],
                to: writer,
                "people"
            )
            #expect(try fixture.run(latest).records == 1)
            #expect(try fixture.people().keys.sorted() == [7])
        }
    }

    @Test func `records no route matches are counted, and are there when the route is mended`() throws {
        try withTemporaryFolder { folder in
            var history = DebeziumHistory(seed: 4)
            history.extend(40)
            let fixture = try IngestTests.prepare(folder, history)
            let wrong = IngestFixture.people.replacingOccurrences(of: "shop.public.(.*)", with: "other.public.(.*)")
            let progress = try fixture.run(wrong)
            #expect(progress.inserts == 0 && progress.unrouted > 0)
            #expect(progress.unroutedTables == ["shop.public.people"])
            try fixture.run()
            #expect(try fixture.people() == history.rows)
        }
    }

    @Test func `an update that no longer passes the filter takes the old row back`() throws {
        try withTemporaryFolder { folder in
            let fixture = try IngestTests.prepare(folder, DebeziumHistory(seed: 1))
            let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
            defer { writer.close() }
            let old = "{\"id\":1,\"name\":\"a\",\"amount\":\"5.00\",\"country\":\"DE\"}"
            let new = "{\"id\":1,\"name\":\"b\",\"amount\":\"7.77\",\"country\":\"FR\"}"
            let events = [Self.record("people", old), Self.record("people", new, before: old, operation: "u")]
            try Self.append(events.map { $0.replacingOccurrences(of: "postgres", with: "shop") }, to: writer, "people")
            try fixture.run(
                IngestFixture.people.replacingOccurrences(
                    of: "sink:",
                    with: "transform: [{ source-table: shop.people, filter: \"country <> 'FR'\" }]\nsink:"
                )
            )
            var changes: [String] = []
            try ChangeLogScan(fixture.table("shop.people"), after: 0).forEach { (batch) throws(WeirError) in
                for row in 0..<batch.count {
                    changes.append("\(batch.kind(row).symbol) \(batch.rows.columns[1].scalar(row))")
                }
                return true
            }
            #expect(changes == ["+I string(\"a\")", "-D string(\"a\")"])
        }
    }
}
