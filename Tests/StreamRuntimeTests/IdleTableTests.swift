import Bytes
import ChangeEvents
import EventLog
import Foundation
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// Tables of a route that receive no rows: what is read again for them, and to which route it applies.
@Suite struct IdleTableTests {
    /// The table of people gets rows. The table of ghosts gets none unless a route sends people to it.
    static func topology(
        ghosts: String = "shop.public.ghosts",
        startup: String = "earliest-offset",
        filter: String? = nil,
        name: String = "test"
    ) -> String {
        """
        name: \(name)
        pipeline: { commit.interval: 1h }
        source: { name: s, type: file-log, topics: [people], format: debezium-json, scan.startup.mode: \(startup) }
        tables:
          - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
          - { name: shop.ghosts, columns: { id: long, name: string } }
        route:
          - { source-table: shop.public.people, sink-table: shop.people }
          - { source-table: \(ghosts), sink-table: shop.ghosts }
        \(filter.map { "transform: [{ source-table: shop.ghosts, filter: \"\($0)\" }]" } ?? "")
        sink: { type: mixed-iceberg }
        """
    }

    static func append(_ ids: Range<Int>, to fixture: IngestFixture, partition: Int = 0) throws {
        let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
        defer { writer.close() }
        for id in ids {
            var builder = RecordBatchBuilder()
            var value = """
                {"before":null,"after":{"id":\(id),"name":"n\(id)"},"source":{"db":"shop","schema":"public",\
                "table":"people"},"op":"c"}
                """
            try value.withUTF8 { value in
                try builder.append(key: nil, value: UnsafeRawBufferPointer(value), timestamp: 1)
            }
            _ = try writer.append(topic: "people", partition: partition, records: builder.finish())
        }
    }

    static func prepare(_ folder: String, partitions: Int = 1, _ ids: Range<Int>) throws -> IngestFixture {
        let fixture = IngestFixture(folder: folder)
        try FileLog(root: fixture.logRoot).createTopic("people", partitions: partitions)
        for partition in 0..<partitions {
            let share = ids.count / partitions
            let start = ids.lowerBound + partition * share
            try append(start..<start + share, to: fixture, partition: partition)
        }
        return fixture
    }

    @Test func `a restart reads nothing again for a table that got no rows`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepare(folder, 0..<40)
            #expect(try fixture.run(Self.topology()).records == 40)
            #expect(try fixture.run(Self.topology()).records == 0)
            try Self.append(40..<45, to: fixture)
            #expect(try fixture.run(Self.topology()).records == 5)
            #expect(try fixture.run(Self.topology()).records == 0)
            #expect(try fixture.contents("shop.people").count == 45)
            #expect(try fixture.table("shop.ghosts").ledger(topology: "test") == PositionLedger(["people": [0: 45]]))
            // Positions alone are no snapshot.
            #expect(try fixture.table("shop.ghosts").base.metadata.snapshots.isEmpty)
        }
    }

    @Test func `a route that leads to it later reads from the beginning, once`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepare(folder, 0..<40)
            try fixture.run(Self.topology())
            let changed = Self.topology(ghosts: "shop.public.people")
            try fixture.run(changed)
            #expect(try fixture.ids("shop.ghosts") == Array(0..<40))
            #expect(try fixture.contents("shop.people").count == 40)
            // A table with rows continues, whatever the route.
            try Self.append(40..<45, to: fixture)
            #expect(try fixture.run(changed).records == 5)
            try fixture.run(Self.topology(ghosts: "shop.public.p.*"))
            #expect(try fixture.ids("shop.ghosts") == Array(0..<45))
            #expect(try fixture.table("shop.ghosts").positionRoutes(topology: "test").isEmpty)
        }
    }

    @Test func `a filter that let nothing through counts as the route does`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepare(folder, 0..<20)
            let none = Self.topology(ghosts: "shop.public.people", filter: "id < 0")
            try fixture.run(none)
            #expect(try fixture.run(none).records == 0)
            try fixture.run(Self.topology(ghosts: "shop.public.people", filter: "id < 10"))
            #expect(try fixture.ids("shop.ghosts") == Array(0..<10))
        }
    }

    @Test func `behind a start at the end, a changed route goes back to where the topology began`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepare(folder, 0..<20)
            let latest = Self.topology(startup: "latest-offset")
            try fixture.run(latest)
            try Self.append(20..<30, to: fixture)
            try fixture.run(latest)
            #expect(try fixture.contents("shop.people").keys.sorted() == Array(20..<30))
            #expect(try fixture.run(latest).records == 0)
            try fixture.run(Self.topology(ghosts: "shop.public.people", startup: "latest-offset"))
            #expect(try fixture.ids("shop.ghosts") == Array(20..<30))
            #expect(try fixture.contents("shop.people").keys.sorted() == Array(20..<30))
        }
    }

    @Test func `a table that is only looked up in is left alone`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepare(folder, 0..<5)
            try fixture.run(
                """
                name: test
                source: { name: s, type: file-log, topics: [people], format: debezium-json, scan.startup.mode: latest-offset }
                tables:
                  - { name: shop.people, columns: { id: long, name: string }, primary-key: [id] }
                  - { name: dim.names, columns: { code: string, text: string }, primary-key: [code] }
                route:
                  - { source-table: shop.public.people, sink-table: shop.people }
                  - { source-table: dim.names, sink-table: shop.people }
                join:
                  - { name: shop.joined, from: shop.people, lookup: dim.names, as: n, on: name = n.code, type: left,
                      select: "id, n.text", primary-key: [id] }
                sink: { type: mixed-iceberg }
                """
            )
            let properties = try fixture.table("dim.names").ingestStore.properties
            #expect(properties.keys.filter { $0.hasPrefix("weir.") }.isEmpty, "\(properties.keys)")
            #expect(try fixture.table("shop.joined").ledger(topology: "test") == PositionLedger(["people": [0: 5]]))
        }
    }

    @Test func `when a group deals anew, no partition is read again for it`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.prepare(folder, partitions: 4, 0..<80)
            let log = GroupedFileLog(try FileLog(root: fixture.logRoot))
            let first = try LiveRun(fixture, fixture.plan(Self.topology()), member: 0, of: log)
            func isCaughtUp(_ end: Int64) throws -> Bool {
                let ledger = try fixture.table("shop.people").ledger(topology: "test")
                return (0..<4).allSatisfy { ledger.next(topic: "people", partition: $0) ?? 0 >= end }
            }
            try LiveRun.wait("the first has read everything") { try isCaughtUp(20) }
            let second = try LiveRun(fixture, fixture.plan(Self.topology()), member: 1, of: log)
            try LiveRun.wait("both have a share") {
                first.run.progress.generations > 1 && second.run.progress.generations > 0
            }
            for partition in 0..<4 {
                try Self.append(partition * 10 + 100..<partition * 10 + 105, to: fixture, partition: partition)
            }
            try LiveRun.wait("what is new is read") { try isCaughtUp(25) }
            for live in [first, second] { #expect(live.end() == nil) }
            #expect(first.run.progress.records + second.run.progress.records == 100)
            // The process that holds the partition reads it for the changed route, and no process reads it twice.
            let changed = Self.topology(ghosts: "shop.public.people")
            let others = try (2..<4).map { try LiveRun(fixture, fixture.plan(changed), member: $0, of: log) }
            try LiveRun.wait("all ghosts are there") { try fixture.ids("shop.ghosts").count >= 100 }
            for live in others { #expect(live.end() == nil) }
            let ids = (0..<80) + (0..<4).flatMap { $0 * 10 + 100..<$0 * 10 + 105 }
            #expect(try fixture.ids("shop.ghosts") == ids.sorted())
            #expect(try fixture.contents("shop.people").count == 100)
        }
    }
}
