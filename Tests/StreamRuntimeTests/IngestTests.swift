import Bytes
import ChangeEvents
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import StreamRuntime
import Testing
import WeirTesting

@Suite struct IngestTests {
    @Test(arguments: SeededGenerator.seeds(4))
    func `a log with repeats, gaps and poison becomes the rows it describes`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            let writer = FileLogWriter(log)
            defer { writer.close() }
            var history = DebeziumHistory(seed: seed)
            var start = 0
            // Several runs: each continues where the last one committed.
            for _ in 0..<3 {
                history.extend(150)
                try history.append(start..<history.records.count, to: writer, topic: "people")
                start = history.records.count
                let progress = try fixture.run()
                #expect(progress.records > 0 && progress.records <= 160)
                #expect(try fixture.people() == history.rows, "seed \(seed)")
                #expect(try fixture.replayedPeople() == history.rows, "seed \(seed)")
            }
            let letters = try String(contentsOfFile: fixture.deadLetters, encoding: .utf8).split(separator: "\n")
            #expect(letters.count == history.poisoned)
            // A run with nothing new reads nothing and commits nothing.
            let idle = try fixture.run()
            #expect(idle.records == 0 && idle.commits == 0)
        }
    }

    @Test func `a crash at any step loses nothing and doubles nothing`() throws {
        var history = DebeziumHistory(seed: 11, keySpace: 12)
        history.extend(60)
        let total = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try Self.prepare(folder, history).run(files: files)
            return files.steps
        }
        #expect(total > 40)
        for step in 0..<total {
            try withTemporaryFolder { folder in
                let fixture = try Self.prepare(folder, history)
                let files = FaultyFileSystem(failAt: step)
                // The last step may come after all writes that matter; then the run succeeds.
                let failed = (try? fixture.run(files: files)) == nil
                if failed && step % 2 == 0 { files.loseUnsynced() }
                try fixture.run()
                let rows = try fixture.people()
                #expect(rows == history.rows, "after a crash at step \(step) of \(total)")
                #expect(try fixture.replayedPeople() == history.rows, "after a crash at step \(step) of \(total)")
                let letters = try String(contentsOfFile: fixture.deadLetters, encoding: .utf8).split(separator: "\n")
                #expect(letters.count == history.poisoned, "after a crash at step \(step) of \(total)")
            }
        }
        print("crash sweep of ingest: \(total) steps")
    }

    /// Whether two tables of a topology record the same positions, read at one moment.
    private static func areLevel(_ fixture: IngestFixture) throws -> Bool {
        let names = ["shop.people_change_", "shop.copy_change_"]
        guard let tables = try? fixture.catalog().load(names.map { try TableIdentifier($0) }) else { return true }
        return Set(tables.map { $0.properties["weir.positions.test"] }).count == 1
    }

    @Test func `a crash leaves the tables of an epoch level, and each of them goes on`() throws {
        var history = DebeziumHistory(seed: 21, keySpace: 12)
        history.extend(60)
        let both = IngestFixture.people.replacingOccurrences(
            of: "route: [",
            with: "route: [{ source-table: shop.public.people, sink-table: shop.copy }, "
        ).replacingOccurrences(
            of: "tables:",
            with: "tables:\n  - { name: shop.copy, columns: { id: long, name: string }, primary-key: [id] }"
        )
        let total = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try Self.prepare(folder, history).run(both, files: files)
            return files.steps
        }
        let stride = Swift.stride(from: 0, to: total, by: Soak.stride(5))
        for step in stride {
            try withTemporaryFolder { folder in
                let fixture = try Self.prepare(folder, history)
                _ = try? fixture.run(both, files: FaultyFileSystem(failAt: step))
                #expect(try Self.areLevel(fixture), "after a crash at step \(step) of \(total)")
                // Dies a second time a little later.
                _ = try? fixture.run(both, files: FaultyFileSystem(failAt: (total - step) / 2))
                #expect(try Self.areLevel(fixture), "after a second crash, step \(step) of \(total)")
                try fixture.run(both)
                #expect(try fixture.people() == history.rows, "after crashes at step \(step) of \(total)")
                #expect(try fixture.replayedPeople() == history.rows, "after crashes at step \(step) of \(total)")
                let copied = try fixture.contents("shop.copy")
                #expect(copied == history.rows.mapValues { $0.name ?? "null" }, "after a crash at \(step) of \(total)")
            }
        }
        print("crash sweep of two tables: \(Array(stride).count) of \(total) steps, two crashes each")
    }

    @Test func `a full disk stops the run with the reason, and a later run goes on`() throws {
        var history = DebeziumHistory(seed: 12, keySpace: 12)
        history.extend(40)
        let total = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try Self.prepare(folder, history).run(files: files)
            return files.steps
        }
        for step in stride(from: 0, to: total, by: Soak.stride(3)) {
            try withTemporaryFolder { folder in
                let fixture = try Self.prepare(folder, history)
                do {
                    try fixture.run(files: FaultyFileSystem(failAt: step, fault: .outOfSpace))
                } catch let error as WeirError {
                    #expect(error.code == .outOfSpace || error.code == .unknownState, "step \(step): \(error)")
                }
                try fixture.run()
                #expect(try fixture.people() == history.rows, "after a full disk at step \(step) of \(total)")
            }
        }
    }

    @Test func `a filter takes rows away that no longer pass`() throws {
        try withTemporaryFolder { folder in
            var history = DebeziumHistory(seed: 5)
            history.extend(300)
            let fixture = try Self.prepare(folder, history)
            let filtered = IngestFixture.people.replacingOccurrences(
                of: "sink:",
                with: "transform: [{ source-table: shop.people, filter: \"country <> 'FR' AND amount > 0\" }]\nsink:"
            )
            try fixture.run(filtered)
            let expected = history.rows.filter {
                $0.value.country.map { $0 != "FR" } == true && $0.value.amountCents > 0
            }
            #expect(try fixture.people() == expected)
            #expect(try fixture.replayedPeople() == expected)
        }
    }

    @Test func `a start at a time that no record has reached is a start at the end, once`() throws {
        try withTemporaryFolder { folder in
            // Records of the history are from November 2023; the timestamp is a year later.
            let startup = "timestamp, scan.startup.timestamp-millis: 1730000000000"
            let text = IngestFixture.people.replacingOccurrences(
                of: "format: debezium-json",
                with: "format: debezium-json, scan.startup.mode: \(startup)"
            )
            var before = DebeziumHistory(seed: 31)
            before.extend(40)
            let fixture = try Self.prepare(folder, before)
            // There is nothing to commit but the start positions.
            #expect(try fixture.run(text).records == 0)
            var history = DebeziumHistory(seed: 32)
            history.extend(60)
            let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
            defer { writer.close() }
            try history.append(0..<history.records.count, to: writer, topic: "people")
            try fixture.run(text)
            #expect(try fixture.people() == history.rows)
        }
    }

    @Test func `a crash at the first start from the latest offset leaves a beginning or none`() throws {
        let text = IngestFixture.people.replacingOccurrences(
            of: "format: debezium-json",
            with: "format: debezium-json, scan.startup.mode: latest-offset"
        )
        var before = DebeziumHistory(seed: 33)
        before.extend(5)
        let total = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try Self.prepare(folder, before).run(text, files: files)
            return files.steps
        }
        for step in 0..<total {
            try withTemporaryFolder { folder in
                let fixture = try Self.prepare(folder, before)
                _ = try? fixture.run(text, files: FaultyFileSystem(failAt: step))
                try fixture.run(text)
                var history = DebeziumHistory(seed: 34)
                history.extend(20)
                let writer = FileLogWriter(try FileLog(root: fixture.logRoot))
                defer { writer.close() }
                try history.append(0..<history.records.count, to: writer, topic: "people")
                try fixture.run(text)
                #expect(try fixture.people() == history.rows, "after a crash at step \(step) of \(total)")
            }
        }
    }

    static func prepare(_ folder: String, _ history: DebeziumHistory) throws -> IngestFixture {
        let fixture = IngestFixture(folder: folder)
        let log = try FileLog(root: fixture.logRoot)
        try log.createTopic("people")
        let writer = FileLogWriter(log)
        defer { writer.close() }
        try history.append(0..<history.records.count, to: writer, topic: "people")
        return fixture
    }
}
