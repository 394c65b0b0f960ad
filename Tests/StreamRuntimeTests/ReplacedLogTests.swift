import Bytes
import ChangeEvents
import EventLog
import Foundation
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// A topic that was deleted and recreated, so that its offsets refer to other records.
@Suite struct ReplacedLogTests {
    /// A table with a key, and one without, where a record that is read twice appears twice.
    private static func text(_ rule: String? = nil) -> String {
        """
        name: test
        pipeline: { commit.interval: 1h, commit.bytes: 1kb, materialize: off }
        source:
          name: all
          type: file-log
          topics: [people, visits]
          format: debezium-json
          \(rule.map { "scan.on-lost-offsets: \($0)" } ?? "")
        tables:
          - name: shop.people
            columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
            primary-key: [id]
          - { name: shop.visits, columns: { id: long } }
        route:
          - { source-table: shop.public.(.*), sink-table: shop.$1 }
        sink: { type: mixed-iceberg }
        """
    }

    private static func visits(_ ids: Range<Int>, to writer: FileLogWriter) throws {
        let values = ids.map { id in
            "{\"before\":null,\"after\":{\"id\":\(id)},"
                + "\"source\":{\"db\":\"shop\",\"schema\":\"public\",\"table\":\"visits\"},\"op\":\"c\"}"
        }
        try DebeziumHistory.append(values.map { .init(key: nil, value: $0) }, to: writer, topic: "visits")
    }

    private static func history(seed: UInt64, _ count: Int) -> DebeziumHistory {
        var history = DebeziumHistory(seed: seed, keySpace: 12)
        history.extend(count)
        return history
    }

    /// Writes both topics from the beginning.
    private static func fill(_ folder: String, _ people: DebeziumHistory, visits: Range<Int>) throws -> IngestFixture {
        let fixture = IngestFixture(folder: folder)
        for topic in ["people", "visits"] { try? FileManager.default.removeItem(atPath: fixture.logRoot + "/" + topic) }
        let log = try FileLog(root: fixture.logRoot)
        for topic in ["people", "visits"] { try log.createTopic(topic) }
        let writer = FileLogWriter(log)
        defer { writer.close() }
        try people.append(0..<people.records.count, to: writer, topic: "people")
        try Self.visits(visits, to: writer)
        return fixture
    }

    @Test(arguments: [60, 20])
    func `a run does not go on in another log, unless it is told to`(records: Int) throws {
        try withTemporaryFolder { folder in
            let old = Self.history(seed: 1, 40)
            let fixture = try Self.fill(folder, old, visits: 0..<40)
            try fixture.run(Self.text())
            // Once longer than what was read of the old log, once shorter.
            _ = try Self.fill(folder, Self.history(seed: 2, records), visits: 100..<100 + records)
            let error = #expect(throws: WeirError.self) { try fixture.run(Self.text()) }
            let shown = "\(try #require(error))"
            #expect(shown.contains("deleted and created again"), "\(shown)")
            #expect(shown.contains("source.scan.on-lost-offsets=earliest"), "\(shown)")
            let sign = records > 40 ? "is not the one that was read before" : "beyond the end, which is"
            #expect(shown.contains(sign), "\(shown)")
            #expect(try fixture.people() == old.rows)
            #expect(try fixture.ids("shop.visits") == Array(0..<40))

            let progress = try fixture.run(Self.text("earliest"))
            #expect(progress.warnings.count == 2, "\(progress.warnings)")
            #expect(try fixture.ids("shop.visits") == Array(0..<40) + Array(100..<100 + records))
            let again = try fixture.run(Self.text())
            #expect(again.records == 0 && again.warnings.isEmpty)
            // The record that is read to identify the log may be in a batch of its own.
            for id in 500..<502 {
                let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
                defer { writer.close() }
                try Self.visits(id..<id + 1, to: writer)
                #expect(try fixture.run(Self.text()).records == 1)
            }
            #expect(try fixture.ids("shop.visits").suffix(2) == [500, 501])
        }
    }

    @Test func `latest passes over what the other log holds`() throws {
        try withTemporaryFolder { folder in
            let old = Self.history(seed: 1, 40)
            let fixture = try Self.fill(folder, old, visits: 0..<40)
            try fixture.run(Self.text())
            _ = try Self.fill(folder, Self.history(seed: 2, 10), visits: 100..<110)
            try fixture.run(Self.text("latest"))
            let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
            defer { writer.close() }
            try Self.visits(200..<203, to: writer)
            try fixture.run(Self.text())
            #expect(try fixture.people() == old.rows)
            #expect(try fixture.ids("shop.visits") == Array(0..<40) + Array(200..<203))
        }
    }

    @Test func `a partition that is not there any more is told`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            try log.createTopic("visits", partitions: 2)
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try Self.visits(0..<10, to: writer)
            var builder = RecordBatchBuilder()
            try builder.append(key: nil, value: nil, timestamp: 1)
            _ = try writer.append(topic: "visits", partition: 1, records: builder.finish())
            try fixture.run(Self.text())
            try FileManager.default.removeItem(atPath: fixture.logRoot + "/visits/1")
            let error = #expect(throws: WeirError.self) { try fixture.run(Self.text()) }
            #expect("\(try #require(error))".contains("topic visits has no partition 1 any more"))
            let progress = try fixture.run(Self.text("earliest"))
            #expect(progress.warnings == ["topic visits has no partition 1 any more, which was read up to offset 1"])
            // Once is enough.
            #expect(try fixture.run(Self.text()).warnings.isEmpty)
            #expect(try fixture.ids("shop.visits") == Array(0..<10))
        }
    }

    @Test func `dead letters of both logs are kept`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.fill(folder, Self.history(seed: 1, 5), visits: 0..<2)
            func spoil(_ text: String) throws {
                let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
                defer { writer.close() }
                try DebeziumHistory.append([.init(key: nil, value: text)], to: writer, topic: "visits")
            }
            try spoil("{ old")
            try fixture.run(Self.text())
            _ = try Self.fill(folder, Self.history(seed: 2, 5), visits: 0..<2)
            try spoil("{ new")
            try fixture.run(Self.text("earliest"))
            let letters = try String(contentsOfFile: fixture.deadLetters, encoding: .utf8)
            #expect(letters.contains("{ old") && letters.contains("{ new"), "\(letters)")
        }
    }

    @Test(arguments: [3, 60])
    func `a log that is made anew under a run is read from its beginning`(records: Int) throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.fill(folder, Self.history(seed: 1, 20), visits: 0..<20)
            let text = Self.text("earliest").replacing("commit.interval: 1h", with: "commit.interval: 50ms")
            let run = try LiveRun(fixture, fixture.plan(text))
            func waitFor(_ ids: [Int]) throws {
                try run.wait("\(ids)") { try fixture.ids("shop.visits") == ids }
            }
            try waitFor(Array(0..<20))
            // One file replaces the other between two checks.
            let new = try Self.fill(folder + "/new", Self.history(seed: 2, records), visits: 100..<100 + records)
            for topic in ["people", "visits"] {
                rename(fixture.logRoot + "/" + topic, folder + "/old-" + topic)
                rename(new.logRoot + "/" + topic, fixture.logRoot + "/" + topic)
            }
            try waitFor(Array(0..<20) + Array(100..<100 + records))
            try run.stop()
        }
    }

    /// A log that modifies its batches.
    private struct AlteredLog: FileLogBacked {
        let log: FileLog
        var isThere: @Sendable (String) -> Bool = { _ in true }
        /// The modified batch; nil when nothing is left of it.
        let alter: @Sendable (RawBatch) throws(WeirError) -> RawBatch?

        func topics() throws(WeirError) -> [String] { try log.topics().filter(isThere) }
        func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
            Reader(reader: try log.reader(topic: topic, partition: partition, from: offset), alter: alter)
        }

        final class Reader: PartitionReader {
            let reader: any PartitionReader
            let alter: @Sendable (RawBatch) throws(WeirError) -> RawBatch?
            init(reader: any PartitionReader, alter: @escaping @Sendable (RawBatch) throws(WeirError) -> RawBatch?) {
                (self.reader, self.alter) = (reader, alter)
            }

            var position: Int64 { reader.position }
            func next(maxBytes: Int) throws(WeirError) -> RawBatch? {
                while let batch = try reader.next(maxBytes: maxBytes) {
                    if let altered = try alter(batch) { return altered }
                }
                return nil
            }
            func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool {
                try reader.waitForRecords(timeoutMilliseconds: timeoutMilliseconds)
            }
            func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
                try reader.mayHaveRecords(waking: wakeup, &watched)
            }
        }
    }

    @discardableResult
    private static func run(_ fixture: IngestFixture, _ text: String, _ log: AlteredLog) throws -> IngestProgress {
        let plan = try IngestPlan.resolve(
            IngestFixture.topology(text),
            catalog: fixture.catalog(),
            nowMilliseconds: 1_700_000_000_000
        ) { (_) throws(WeirError) in log }
        return try IngestRun(plan, deadLetterPath: fixture.deadLetters).run(untilCaughtUp: true)
    }

    @Test func `a topic of a pattern that is deleted while it is read ends itself alone`() throws {
        try withTemporaryFolder { folder in
            let people = Self.history(seed: 1, 20)
            let fixture = try Self.fill(folder, people, visits: 0..<20)
            let isThere = Atomic(true)
            let log = AlteredLog(log: try FileLog(root: fixture.logRoot)) {
                $0 != "visits" || isThere.load(ordering: .relaxed)
            } alter: { (batch) throws(WeirError) in
                guard batch.topic == "visits" else { return batch }
                isThere.store(false, ordering: .relaxed)
                throw WeirError(.notFound, "there is no topic 'visits'")
            }
            // A topic that is listed must be there.
            #expect(throws: WeirError.self) { try Self.run(fixture, Self.text(), log) }
            isThere.store(true, ordering: .relaxed)
            let pattern = Self.text().replacing("topics: [people, visits]", with: "topic-pattern: people|visits")
            let progress = try Self.run(fixture, pattern, log)
            #expect(progress.warnings == ["topic visits is not there any more; rows that tables have of it stay"])
            #expect(try fixture.people() == people.rows)
        }
    }

    @Test func `a record that compaction has removed says nothing`() throws {
        try withTemporaryFolder { folder in
            let fixture = try Self.fill(folder, Self.history(seed: 1, 5), visits: 0..<20)
            let log = try FileLog(root: fixture.logRoot)
            func run(removed: Set<Int64>) throws {
                let compacted = AlteredLog(log: log) { (batch) throws(WeirError) in
                    let kept = batch.records.filter { !removed.contains($0.offset) }
                    if kept.isEmpty { return nil }
                    let table = kept.withUnsafeBytes { Buffer(copying: $0) }
                    return RawBatch(topic: batch.topic, partition: batch.partition, arena: batch.arena, table: table)
                }
                try Self.run(fixture, Self.text(), compacted)
            }
            try run(removed: [3, 4])
            try run(removed: Set(2..<20))
            let writer = FileLogWriter(log)
            defer { writer.close() }
            try Self.visits(20..<30, to: writer)
            try run(removed: Set(2..<21))
            #expect(try fixture.ids("shop.visits") == [0, 1, 2] + Array(5..<20) + Array(21..<30))
        }
    }

    @Test(.hangGuard)
    func `a crash at any step of the change to another log loses and doubles nothing`() throws {
        let old = Self.history(seed: 3, 30)
        let new = Self.history(seed: 4, 45)
        func prepare(_ folder: String) throws -> IngestFixture {
            let fixture = try Self.fill(folder, old, visits: 0..<30)
            try fixture.run(Self.text())
            return try Self.fill(folder, new, visits: 100..<145)
        }
        let (total, expected) = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            let fixture = try prepare(folder)
            try fixture.run(Self.text("earliest"), files: files)
            return (files.steps, try fixture.people())
        }
        let stride = stride(from: 0, to: total, by: Soak.stride(5))
        for step in stride {
            try withTemporaryFolder { folder in
                let fixture = try prepare(folder)
                _ = try? fixture.run(Self.text("earliest"), files: FaultyFileSystem(failAt: step))
                // Dies a second time a little later, when one table may be ahead of the other.
                _ = try? fixture.run(Self.text("earliest"), files: FaultyFileSystem(failAt: (total - step) / 2))
                try fixture.run(Self.text("earliest"))
                #expect(try fixture.people() == expected, "crash at step \(step) of \(total)")
                let visits = try fixture.ids("shop.visits")
                #expect(visits == Array(0..<30) + Array(100..<145), "crash at step \(step) of \(total)")
            }
        }
        print("crash sweep of a replaced log: \(Array(stride).count) of \(total) steps")
    }
}
