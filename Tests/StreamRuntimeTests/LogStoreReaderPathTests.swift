import Bytes
import ChangeEvents
import EventLog
import Foundation
import LogStores
import MixedTables
import ObjectStorage
import StreamRuntime
import Testing
import WeirTesting

/// Fallbacks of LogStore readers: to the change store when the log was trimmed, and into a running join.
@Suite struct LogStoreReaderPathTests {
    private static let peopleTable = """
          - name: shop.people
            columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
            primary-key: [id]
            properties: { log-store.enabled: true, log-store.type: file, log-store.topic: changes }
        """

    private static func topology(_ name: String, interval: String) -> String {
        """
        name: \(name)
        pipeline: { commit.interval: \(interval) }
        source: { name: people, type: file-log, topics: [people], format: debezium-json }
        tables:
        \(peopleTable)
        route: [{ source-table: shop.public.people, sink-table: shop.people }]
        sink: { type: mixed-iceberg }
        """
    }

    private static let visits = """
        name: visits
        pipeline: { commit.interval: 50ms }
        source: { name: visits, type: file-log, topics: [visits], format: debezium-json }
        tables:
        \(peopleTable)
          - name: shop.visits
            columns: { id: long, person: long }
            primary-key: [id]
        route: [{ source-table: shop.public.visits, sink-table: shop.visits }]
        join:
          - name: shop.visitors
            from: shop.visits
            lookup: shop.people
            as: p
            on: person = p.id
            type: left
            select: "visits.id, p.name AS who"
            primary-key: [id]
        sink: { type: mixed-iceberg }
        """

    private static func append(
        _ value: String,
        to topic: String,
        timestamp: Int64 = 1,
        _ writer: FileLogWriter
    ) throws {
        var builder = RecordBatchBuilder()
        var value = value
        try value.withUTF8 { try builder.append(key: nil, value: UnsafeRawBufferPointer($0), timestamp: timestamp) }
        _ = try writer.append(topic: topic, partition: 0, records: builder.finish())
    }

    private static func event(_ table: String, _ row: String) -> String {
        """
        {"before":null,"after":\(row),"source":{"db":"shop","schema":"public","table":"\(table)"},"op":"u"}
        """
    }

    @Test func `a dimension's change reaches a running join before its commit`() throws {
        try withTemporaryFolder { folder in try Self.join(IngestFixture(folder: folder)) }
    }

    private static func join(_ fixture: IngestFixture) throws {
        let log = try FileLog(root: fixture.logRoot)
        for topic in ["people", "visits", "changes"] { try log.createTopic(topic) }
        let writer = FileLogWriter(log)
        defer { writer.close() }
        // The dimension's run commits once an hour; nothing of it is in the table while this test runs.
        let people = try LiveRun(fixture, fixture.plan(topology("people", interval: "1h"), writer: writer))
        try people.wait("the LogStore is registered") {
            try !fixture.table("shop.people").logStoreLedger().upstreams.isEmpty
        }
        let running = try LiveRun(fixture, fixture.plan(visits, writer: writer))
        for round in 0..<Soak.rounds(5) {
            let name = "name \(round)"
            let row = "{\"id\":7,\"name\":\"\(name)\",\"amount\":\"1.00\",\"country\":null}"
            try append(event("people", row), to: "people", writer)
            try people.wait("the change is in the LogStore") {
                try log.offsets(topic: "changes", partition: 0).end == Int64(round + 1)
            }
            try append(event("visits", "{\"id\":\(round),\"person\":7}"), to: "visits", writer)
            try running.wait("the visit of round \(round) is joined") {
                try fixture.contents("shop.visitors")[round] != nil
            }
            #expect(try fixture.contents("shop.visitors")[round] == name, "round \(round)")
        }
        let snapshot = try fixture.table("shop.people").change?.metadata.currentSnapshot
        #expect(snapshot == nil)
        try running.stop()
        try people.stop()
    }

    @Test func `the LogStore begins between two epochs once the sources are close to now`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            for topic in ["people", "changes"] { try log.createTopic(topic) }
            let gap = "mixed-format.emit.auto-write-to-logstore.watermark-gap"
            let text = Self.topology("test", interval: "1h").replacingOccurrences(
                of: "log-store.topic: changes",
                with: "log-store.topic: changes, \(gap): 1h"
            )
            func run(_ ids: Range<Int>, timestamp: Int64) throws {
                let writer = FileLogWriter(log)
                defer { writer.close() }
                for id in ids {
                    let row = "{\"id\":\(id),\"name\":\"n\",\"amount\":\"1.00\",\"country\":null}"
                    try Self.append(Self.event("people", row), to: "people", timestamp: timestamp, writer)
                }
                let plan = try fixture.plan(text, writer: writer)
                try IngestRun(plan, deadLetterPath: fixture.deadLetters).run(untilCaughtUp: true)
            }
            // Old records go to the files only.
            try run(0..<10, timestamp: 1000)
            #expect(try log.offsets(topic: "changes", partition: 0).end == 0)
            #expect(try fixture.table("shop.people").properties[gap] != nil)
            // Caught up: this epoch is in the files only, the next ones are in both.
            try run(10..<20, timestamp: FileLog.now())
            let properties = try fixture.table("shop.people").properties
            #expect(properties["log-store.catch-up"] == "true" && properties[gap] == nil)
            #expect(properties["log-store.catch-up-timestamp"] != nil)
            try run(20..<30, timestamp: FileLog.now())
            #expect(try log.offsets(topic: "changes", partition: 0).end >= 10)
            #expect(try fixture.contents("shop.people").count == 30)
        }
    }

    @Test(arguments: SeededGenerator.seeds(2))
    func `a reader whose log was trimmed goes on in the change store`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            try log.createTopic("changes", properties: ["segment.bytes": "4096", "retention.bytes": "12288"])
            let text = Self.topology("test", interval: "1h")
            var history = DebeziumHistory(seed: seed)
            func run(_ count: Int) throws {
                let start = history.records.count
                history.extend(count)
                let writer = FileLogWriter(log)
                defer { writer.close() }
                try history.append(start..<history.records.count, to: writer, topic: "people")
                let plan = try fixture.plan(text, writer: writer)
                try IngestRun(plan, deadLetterPath: fixture.deadLetters).run(untilCaughtUp: true)
            }
            try run(40)
            var rows = try fixture.people()
            let table = try fixture.table("shop.people")
            let settings = try LogStoreSettings(table.properties, isKeyed: true)
            let follower = try #require(try LogStoreFollower(table, log: log, settings: settings))
            // The reader delivers a part, then waits until far more was written than the log retains.
            try run(20)
            guard case .changes(let first) = try follower.next() else {
                Issue.record("the log holds records")
                return
            }
            for batch in first { IngestFixture.apply(batch, to: &rows) }
            for _ in 0..<20 { try run(40) }
            #expect(try log.offsets(topic: "changes", partition: 0).earliest > 100)
            var sequence: Int64?
            while sequence == nil {
                switch try follower.next() {
                case .changes(let batches): for batch in batches { IngestFixture.apply(batch, to: &rows) }
                case .idle, .committed:
                    Issue.record("the log has lost records")
                    return
                case .trimmed(let undo, let back):
                    for batch in undo { IngestFixture.apply(batch, to: &rows) }
                    sequence = back
                }
            }
            let current = try fixture.table("shop.people")
            try ChangeLogScan(current, after: try #require(sequence)).forEach { (batch) throws(WeirError) in
                let changes = ChangeBatch(
                    rows: batch.rows,
                    kinds: .filled(count: batch.count) {
                        for row in 0..<batch.count { $0[row] = batch.kind(row).rawValue }
                    },
                    offsets: .filled(count: batch.count * 8) { $0.initializeMemory(as: Int64.self, repeating: 0) }
                )
                IngestFixture.apply(changes, to: &rows)
                return true
            }
            #expect(rows == history.rows, "seed \(seed)")
        }
    }
}

extension IngestFixture {
    /// Applies changes of `shop.people` by key.
    static func apply(_ batch: ChangeBatch, to rows: inout [Int: DebeziumHistory.Row]) {
        for row in 0..<batch.count {
            let (id, value) = person(batch.rows, row)
            rows[id] = batch.kind(row).isRetraction ? nil : value
        }
    }
}
