import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
import IcebergTables
import LogStores
import MixedTables
import StreamRuntime
import Testing
import WeirTesting

/// A long-lived run joins every row with the dimension as it was visible when the row arrived.
@Suite struct LiveJoinTests {
    /// The writer of the dimension, and how its rows become visible.
    enum Feed: String, CaseIterable, CustomTestStringConvertible {
        /// A route of the same run.
        case sameRun
        case sameRunWithLogStore
        /// Another topology's run. With a LogStore its rows are visible long before their commit.
        case otherRun
        case otherRunWithLogStore
        /// Commits of another program.
        case otherEngine

        var testDescription: String { rawValue }
        var hasLogStore: Bool { self == .sameRunWithLogStore || self == .otherRunWithLogStore }
        var isSameRun: Bool { self == .sameRun || self == .sameRunWithLogStore }
    }

    private static func people(_ feed: Feed) -> String {
        let mirror = """
                properties: { log-store.enabled: true, log-store.type: file, log-store.topic: changes,
                              log-store.data-format: columnar }
            """
        return """
              - name: shop.people
                columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
                primary-key: [id]
            \(feed.hasLogStore ? mirror : "")
            """
    }

    /// - Parameter interval: the commit interval.
    private static func visits(_ feed: Feed, interval: String = "20ms") -> String {
        """
        name: visits
        pipeline: { commit.interval: \(interval) }
        source: { name: all, type: file-log, topics: [\(feed.isSameRun ? "people, " : "")visits], format: debezium-json }
        tables:
        \(people(feed))
          - name: shop.visits
            columns: { id: long, person: long, note: string }
            primary-key: [id]
        route:
        \(feed.isSameRun ? "  - { source-table: shop.public.people, sink-table: shop.people }" : "")
          # Nothing goes to the people by their name.
          - { source-table: shop.public.visits, sink-table: shop.visits }
        join:
          - name: shop.visitors
            from: shop.visits
            lookup: shop.people
            as: p
            on: person = p.id
            type: left
            select: "visits.id, p.name AS who, person"
            primary-key: [id]
        sink: { type: mixed-iceberg }
        """
    }

    private static func peopleAlone(_ feed: Feed) -> String {
        """
        name: people
        pipeline: { commit.interval: \(feed.hasLogStore ? "1h" : "20ms") }
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
        \(people(feed))
        route: [{ source-table: shop.public.people, sink-table: shop.people }]
        sink: { type: mixed-iceberg }
        """
    }

    private static func append(_ table: String, _ operation: String, _ row: String, to writer: FileLogWriter) throws {
        let after = operation == "d" ? "null" : row
        let before = operation == "d" ? row : "null"
        let record = DebeziumHistory.Record(
            key: "{\"id\":0}",
            value: """
                {"before":\(before),"after":\(after),"source":{"db":"shop","schema":"public",\
                "table":"\(table)","ts_ms":1},"op":"\(operation)","ts_ms":2}
                """
        )
        try DebeziumHistory.append([record], to: writer, topic: table)
    }

    /// The names of the people, by id.
    private static func names(_ fixture: IngestFixture) throws -> [Int: String] {
        try fixture.people().mapValues { $0.name ?? "null" }
    }

    /// Waits until these people are visible to readers.
    private static func awaitPeople(
        _ expected: [Int: String],
        _ fixture: IngestFixture,
        _ run: LiveRun,
        _ mirror: inout Mirror?
    ) throws {
        if var reader = mirror {
            try run.wait("the LogStore shows \(expected)") {
                try reader.take()
                return reader.names == expected
            }
            mirror = reader
            return
        }
        try run.wait("the table shows \(expected)") { (try? names(fixture)) == expected }
    }

    /// A reader of the LogStore.
    private struct Mirror {
        let follower: LogStoreFollower
        var names: [Int: String] = [:]

        mutating func take() throws {
            guard case .changes(let batches) = try follower.next() else { return }
            for batch in batches {
                for row in 0..<batch.count {
                    let (id, person) = IngestFixture.person(batch.rows, row)
                    names[id] = batch.kind(row).isRetraction ? nil : person.name ?? "null"
                }
            }
        }
    }

    /// The smallest id of people that another engine appends to base.
    private static let freshIds = 100

    /// Commits like an external program: changes, some followed by an optimize, or an append to base.
    private static func commit(
        _ people: [Int: String],
        _ change: (id: Int, name: String?),
        _ how: UInt64,
        _ fixture: IngestFixture
    ) throws {
        let table = try fixture.table("shop.people")
        func rows(_ people: [(Int, String)]) -> ColumnBatch {
            var ids = ColumnBuilder(.long)
            var names = ColumnBuilder(.string)
            for (id, name) in people {
                ids.append(.long(Int64(id)))
                names.append(.string(name))
            }
            let columns = table.schema.fields.map { field in
                field.name == "id"
                    ? ids.finish() : field.name == "name" ? names.finish() : .nulls(field.type, count: people.count)
            }
            return ColumnBatch(schema: table.schema, columns: columns, count: people.count)
        }
        func batch(_ rows: ColumnBatch, _ kind: ChangeKind) -> ChangeBatch {
            ChangeBatch(
                rows: rows,
                kinds: Buffer(copying: [UInt8](repeating: kind.rawValue, count: rows.count)),
                offsets: Buffer(copying: [UInt8](repeating: 0, count: rows.count * 8))
            )
        }
        let ledger = try table.ledger(topology: "engine")
        if change.id >= freshIds, let name = change.name {
            // A new row goes to base directly.
            let base = MixedTable(base: table.base, change: nil, primaryKey: [])
            let writer = UnkeyedTableWriter(base)
            _ = try writer.write(batch(rows([(change.id, name)]), .insert))
            _ = try base.commit(writer.cut(), topology: "engine", from: ledger, to: ledger)
        } else {
            let writer = try KeyedTableWriter(table)
            let row = rows([(change.id, change.name ?? people[change.id] ?? "")])
            _ = try writer.write(batch(row, change.name == nil ? .delete : .updateAfter))
            let result = try table.commit(writer.cut(), topology: "engine", from: ledger, to: ledger)
            if how % 3 == 0 { _ = try FullOptimize(result, nowMilliseconds: 1).run() }
        }
    }

    @Test(arguments: Feed.allCases, SeededGenerator.seeds(1))
    func `a row finds the dimension as it was visible before it came`(feed: Feed, seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            for topic in ["people", "visits", "changes"] { try log.createTopic(topic) }
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let run = try LiveRun(fixture, fixture.plan(Self.visits(feed), writer: writer))
            let other =
                feed == .otherRun || feed == .otherRunWithLogStore
                ? try LiveRun(fixture, fixture.plan(Self.peopleAlone(feed), writer: writer)) : nil
            var random = SeededGenerator(seed: seed)
            var people: [Int: String] = [:]
            var expected: [Int: String] = [:]
            var mirror: Mirror?
            var visit = 0
            var fresh = 0
            for round in 0..<12 {
                // A pause that is longer than some epochs.
                if round % 3 == 0 { Thread.sleep(forTimeInterval: 0.06) }
                for _ in 0..<Int(1 + random.next() % 3) {
                    var id = Int(random.next() % 6)
                    if feed == .otherEngine && random.next() % 4 == 0 {
                        id = Self.freshIds + fresh
                        fresh += 1
                    }
                    let name: String? =
                        random.next() % 4 == 0 && people[id] != nil ? nil : "name \(random.next() % 1000)"
                    if feed == .otherEngine {
                        try Self.commit(people, (id, name), random.next(), fixture)
                    } else {
                        let row =
                            "{\"id\":\(id),\"name\":\"\(name ?? people[id] ?? "")\",\"amount\":\"1.00\",\"country\":null}"
                        try Self.append("people", name == nil ? "d" : people[id] == nil ? "c" : "u", row, to: writer)
                    }
                    people[id] = name
                }
                if feed == .otherRunWithLogStore, mirror == nil {
                    let reader = try #require(try Self.follower(fixture, log, other))
                    mirror = Mirror(follower: reader)
                }
                try Self.awaitPeople(people, fixture, other ?? run, &mirror)
                // Some after a pause, some at once.
                if round % 2 == 0 { Thread.sleep(forTimeInterval: 0.03) }
                for _ in 0..<Int(1 + random.next() % 3) {
                    let isFresh = fresh > 0 && random.next() % 3 == 0
                    let person = isFresh ? Self.freshIds + fresh - 1 : Int(random.next() % 7)
                    try Self.append("visits", "c", "{\"id\":\(visit),\"person\":\(person),\"note\":\"\"}", to: writer)
                    expected[visit] = people[person] ?? "null"
                    visit += 1
                }
                try run.wait("all \(visit) visits are joined") {
                    ((try? fixture.contents("shop.visitors")) ?? [:]).count == visit
                }
                let found = try fixture.contents("shop.visitors")
                #expect(found == expected, "\(feed), round \(round), seed \(seed)")
            }
            try run.stop()
            try other?.stop()
            #expect(try fixture.contents("shop.visitors") == expected, "\(feed), seed \(seed)")
        }
    }

    private static func follower(_ fixture: IngestFixture, _ log: FileLog, _ run: LiveRun?) throws -> LogStoreFollower?
    {
        var follower: LogStoreFollower?
        try run?.wait("the LogStore is registered") {
            guard let table = try? fixture.table("shop.people") else { return false }
            let settings = try LogStoreSettings(table.properties, isKeyed: true)
            follower = try LogStoreFollower(table, log: log, settings: settings)
            return follower != nil
        }
        return follower
    }

    @Test func `a row waits for what the LogStore holds, and asks little while nothing comes`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            for topic in ["people", "visits", "changes"] { try log.createTopic(topic) }
            let writer = FileLogWriter(log)
            defer { writer.close() }
            let feed = Feed.otherRunWithLogStore
            let other = try LiveRun(fixture, fixture.plan(Self.peopleAlone(feed), writer: writer))
            _ = try #require(try Self.follower(fixture, log, other))
            let held = HeldLog(log, topic: "changes")
            let run = try LiveRun(fixture, fixture.plan(Self.visits(feed), writer: writer, mirror: held))
            try run.wait("the LogStore is followed") { held.polls > 0 }
            held.isHeld = true
            let end = try log.offsets(topic: "changes", partition: 0).end
            try Self.append(
                "people",
                "c",
                "{\"id\":1,\"name\":\"Ada\",\"amount\":\"1.00\",\"country\":null}",
                to: writer
            )
            try other.wait("the person is in the LogStore") {
                try log.offsets(topic: "changes", partition: 0).end > end
            }
            try Self.append("visits", "c", "{\"id\":1,\"person\":1,\"note\":\"\"}", to: writer)
            try run.wait("the visit is read") { held.polls > 0 }
            let before = held.polls
            Thread.sleep(forTimeInterval: 0.4)
            let polls = held.polls - before
            #expect(polls < 100, "asked \(polls) times while nothing came")
            held.isHeld = false
            try run.wait("the visit is joined") { (try? fixture.contents("shop.visitors")) == [1: "Ada"] }
            try run.stop()
            try other.stop()
        }
    }
}
