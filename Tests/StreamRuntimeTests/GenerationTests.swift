import Bytes
import ChangeEvents
import EventLog
import Foundation
import IcebergFormat
import MixedTables
import StreamRuntime
import Synchronization
import Testing
import WeirTesting

/// The cost of starting to read and write, at first and on every restart.
@Suite struct GenerationTests {
    /// Counts the data files that are opened for reading, and makes that slow.
    private final class DataFileOpens: Sendable {
        private let opens = Mutex(0)
        private let seconds: Double

        init(seconds: Double) { self.seconds = seconds }

        var count: Int { opens.withLock { $0 } }

        var files: WatchedFileSystem {
            WatchedFileSystem { [self] path, access in
                guard access == .read && path.hasSuffix(".parquet") else { return }
                opens.withLock { $0 += 1 }
                Thread.sleep(forTimeInterval: seconds)
            }
        }
    }

    private static func visits(_ type: String = "left") -> String {
        """
        name: test
        pipeline: { commit.interval: 15ms }
        source: { name: all, type: file-log, topics: [people, visits], format: debezium-json }
        tables:
          - name: shop.people
            columns: { id: long, name: string, amount: "decimal(12,2)", country: string }
            primary-key: [id]
          - name: shop.visits
            columns: { id: long, person: long, note: string }
            primary-key: [id]
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        join:
          - name: shop.visitors
            from: shop.visits
            lookup: shop.people
            as: p
            on: person = p.id
            type: \(type)
            select: "visits.id, p.name AS who, person"
            primary-key: [id]
        sink: { type: mixed-iceberg }
        """
    }

    @Test func `a group that changes often has only what is new read`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let fileLog = try FileLog(root: fixture.logRoot)
            try fileLog.createTopic("people", partitions: 2)
            try fileLog.createTopic("visits", partitions: 2)
            let writer = FileLogWriter(fileLog)
            defer { writer.close() }
            var people = DebeziumHistory(seed: 7, keySpace: 500)
            people.extend(2000)
            var visits = VisitHistory(seed: 8, peopleMax: 500)
            visits.extend(200)
            try people.append(0..<people.records.count, to: writer, topic: "people")
            try DebeziumHistory.append(visits.records, to: writer, topic: "visits")
            try fixture.run(Self.visits())
            let held = people.rows.count * 2 + visits.rows.count * 2
            let log = GroupedFileLog(fileLog)
            func member(_ number: Int) throws -> LiveRun {
                LiveRun(fixture, try fixture.plan(Self.visits()), member: number, of: log)
            }
            let stays = try member(0)
            try stays.wait("the first generation begins") { stays.run.progress.loadedRows >= held }
            var changes = 0
            var visitsDone = visits.records.count
            for round in 0..<6 {
                let before = stays.run.progress.generations
                let guest = try member(round + 1)
                try stays.wait("a guest comes") { stays.run.progress.generations > before }
                let start = people.records.count
                people.extend(20)
                try people.append(start..<people.records.count, to: writer, topic: "people")
                visits.extend(10)
                try DebeziumHistory.append(Array(visits.records[visitsDone...]), to: writer, topic: "visits")
                visitsDone = visits.records.count
                changes += 30
                try stays.wait("all is written") { try Self.isCaughtUp(fixture, fileLog) }
                let between = stays.run.progress.generations
                try guest.stop()
                try stays.wait("a guest goes") { stays.run.progress.generations > between }
            }
            try stays.wait("all is written") { try Self.isCaughtUp(fixture, fileLog) }
            try stays.stop()
            let progress = stays.run.progress
            #expect(progress.generations > 10 && progress.fenced == 0)
            // Changes are read with their before-images, by the index and by the dimension.
            #expect(
                progress.loadedRows <= held + 8 * changes,
                "read \(progress.loadedRows) rows of \(held) in \(progress.generations) generations"
            )
            #expect(try fixture.people() == people.rows)
            let joined = try fixture.contents("shop.visitors")
            #expect(Set(joined.keys) == Set(visits.rows.keys))
        }
    }

    private static func isCaughtUp(_ fixture: IngestFixture, _ log: FileLog) throws -> Bool {
        for (table, topic) in [("shop.people", "people"), ("shop.visitors", "visits"), ("shop.visits", "visits")] {
            let ledger = try fixture.table(table).ledger(topology: "test")
            let end = try log.offsets(topic: topic, partition: 0).end
            if ledger.next(topic: topic, partition: 0) ?? 0 < end { return false }
        }
        return true
    }

    @Test func `a run that is stopped while it loads ends at once`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            var history = DebeziumHistory(seed: 3, keySpace: 400)
            for _ in 0..<25 {
                let start = history.records.count
                history.extend(40)
                try history.append(start..<history.records.count, to: writer, topic: "people")
                try fixture.run()
            }
            let all = DataFileOpens(seconds: 0)
            _ = try KeyedTableWriter(
                MixedTable.load(TableIdentifier("shop.people"), from: fixture.catalog(files: all.files))
            )
            #expect(all.count > 60)
            let slow = DataFileOpens(seconds: 0.02)
            let run = try LiveRun(fixture, fixture.plan(writer: writer, files: slow.files))
            try run.wait("the keys are being read") { slow.count > 3 }
            try run.stop()
            #expect(slow.count < all.count / 2, "\(slow.count) of \(all.count) files were opened")
            try fixture.run()
            #expect(try fixture.people() == history.rows)
        }
    }

    @Test func `while a dimension is awaited, other records that wait cause no busy loop`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let fileLog = try FileLog(root: fixture.logRoot)
            try fileLog.createTopic("people")
            try fileLog.createTopic("visits")
            let writer = FileLogWriter(fileLog)
            defer { writer.close() }
            var people = DebeziumHistory(seed: 5, keySpace: 20)
            people.extend(40)
            try people.append(0..<people.records.count, to: writer, topic: "people")
            // The first start learns which partition feeds the dimension.
            try fixture.run(Self.visits())
            let start = people.records.count
            people.extend(20)
            try people.append(start..<people.records.count, to: writer, topic: "people")
            var visits = VisitHistory(seed: 6, peopleMax: 20)
            visits.extend(30)
            try DebeziumHistory.append(visits.records, to: writer, topic: "visits")
            let held = HeldLog(fileLog, topic: "people", isHeld: true)
            held.deliversFirst = true
            let run = LiveRun(fixture, try fixture.plan(Self.visits()), member: 0, of: held)
            try run.wait("the dimension is awaited") { held.polls > 2 }
            let before = held.polls
            Thread.sleep(forTimeInterval: 0.4)
            let polls = held.polls - before
            #expect(polls < 100, "asked \(polls) times while nothing came")
            held.isHeld = false
            try run.wait("all is written") { try Self.isCaughtUp(fixture, fileLog) }
            try run.stop()
            #expect(try fixture.people() == people.rows)
            #expect(try fixture.table("shop.visits").schema.count == 3)
        }
    }
}
