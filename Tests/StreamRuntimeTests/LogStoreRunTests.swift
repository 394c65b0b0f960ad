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

/// Runs that mirror a table to its LogStore, crash and restart, with one reader throughout.
@Suite struct LogStoreRunTests {
    private static func topology(_ format: String, emit: String = "auto") -> String {
        IngestFixture.people.replacingOccurrences(
            of: "primary-key: [id]",
            with: """
                primary-key: [id]
                    properties: { log-store.enabled: true, log-store.type: file, log-store.topic: changes,
                                  log-store.data-format: \(format), mixed-format.emit.mode: "\(emit)" }
                """
        )
    }

    /// Runs until caught up or until a step fails. Returns whether it failed.
    private static func run(_ fixture: IngestFixture, _ text: String, _ log: FileLog, failAt step: Int?) throws -> Bool
    {
        let files: any FileSystem = step.map { FaultyFileSystem(failAt: $0) } ?? LocalFileSystem()
        let writer = FileLogWriter(log)
        defer { writer.close() }
        do {
            let plan = try IngestPlan.resolve(
                IngestFixture.topology(text),
                catalog: fixture.catalog(files: files),
                nowMilliseconds: 1_700_000_000_000
            ) { (_) throws(WeirError) in
                log
            } openLogStore: { (_) throws(WeirError) in
                log
            } openAppender: { (_, settings) throws(WeirError) in
                try FileTopicAppender(writer, topic: settings.topic ?? "")
            }
            try IngestRun(plan, deadLetterPath: fixture.deadLetters, files: files).run(untilCaughtUp: true)
            return false
        } catch {
            if step == nil { throw error }
            return true
        }
    }

    /// The state of a consumer that applies every change by key.
    private struct Mirror {
        var rows: [Int: DebeziumHistory.Row] = [:]
        var retractions = 0

        init(_ rows: [Int: DebeziumHistory.Row]) { self.rows = rows }

        mutating func apply(_ batch: ChangeBatch) {
            for row in 0..<batch.count {
                let (id, value) = IngestFixture.person(batch.rows, row)
                if batch.kind(row).isRetraction {
                    rows[id] = nil
                    retractions += 1
                } else {
                    rows[id] = value
                }
            }
        }
    }

    private static func follower(_ fixture: IngestFixture, _ log: FileLog) throws -> LogStoreFollower {
        let table = try fixture.table("shop.people")
        let settings = try LogStoreSettings(table.properties, isKeyed: true)
        return try #require(try LogStoreFollower(table, log: log, settings: settings))
    }

    private static func drain(_ follower: LogStoreFollower, _ log: FileLog, into mirror: inout Mirror) throws {
        while try !follower.isAtEnd(of: log) {
            switch try follower.next() {
            case .changes(let batches): for batch in batches { mirror.apply(batch) }
            case .idle, .committed: break
            case .trimmed: throw WeirError(.corrupt, "the log was not trimmed")
            }
        }
    }

    @Test(arguments: ["json", "columnar"], SeededGenerator.seeds(2))
    func `a reader that lives through crashes ends with the table`(format: String, seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people")
            try log.createTopic("changes", partitions: 3)
            let text = Self.topology(format)
            var history = DebeziumHistory(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x10c)
            func append(_ count: Int) throws {
                let start = history.records.count
                history.extend(count)
                let writer = FileLogWriter(log)
                defer { writer.close() }
                try history.append(start..<history.records.count, to: writer, topic: "people")
            }
            try append(60)
            #expect(try !Self.run(fixture, text, log, failAt: nil))
            let first = try Self.follower(fixture, log)
            var mirror = Mirror(try fixture.people())
            #expect(mirror.rows == history.rows, "seed \(seed)")
            var crashes = 0
            for round in 0..<14 {
                try append(30)
                if try Self.run(fixture, text, log, failAt: Int(random.next() % 90)) { crashes += 1 }
                try Self.drain(first, log, into: &mirror)
                if round % 2 == 1 {
                    // Whether a row is committed or only in the log, both readers see the same.
                    #expect(try !Self.run(fixture, text, log, failAt: nil))
                    try Self.drain(first, log, into: &mirror)
                    let table = try fixture.table("shop.people")
                    let tail = try Self.follower(fixture, log).tail(of: log)
                    var fresh: [Int: DebeziumHistory.Row] = [:]
                    try FreshScan(table, tail: tail).forEach { (batch) throws(WeirError) in
                        for row in 0..<batch.count {
                            let (id, value) = IngestFixture.person(batch, row)
                            fresh[id] = value
                        }
                        return true
                    }
                    #expect(fresh == history.rows, "seed \(seed), round \(round)")
                }
                if round % 4 == 3 {
                    // Caught up: the reader has the rows of the table, and so has one that starts here.
                    #expect(try !Self.run(fixture, text, log, failAt: nil))
                    try Self.drain(first, log, into: &mirror)
                    #expect(mirror.rows == history.rows, "seed \(seed), round \(round)")
                    #expect(try fixture.people() == history.rows, "seed \(seed), round \(round)")
                    var late = Mirror(try fixture.people())
                    try Self.drain(try Self.follower(fixture, log), log, into: &late)
                    #expect(late.rows == history.rows, "seed \(seed), round \(round): a reader that begins here")
                }
            }
            #expect(try !Self.run(fixture, text, log, failAt: nil))
            try Self.drain(first, log, into: &mirror)
            #expect(mirror.rows == history.rows, "seed \(seed)")
            #expect(crashes > 0)
            print("LogStore \(format), seed \(seed): \(crashes) crashes, \(mirror.retractions) rows taken away")
        }
    }

    @Test func `a reader that begins between a crash and the restart neither repeats nor misses a change`() throws {
        for step in stride(from: 2, to: 80, by: Soak.stride(6)) {
            try withTemporaryFolder { folder in
                let fixture = IngestFixture(folder: folder)
                let log = try FileLog(root: fixture.logRoot)
                try log.createTopic("people")
                try log.createTopic("changes")
                let text = Self.topology("json")
                var history = DebeziumHistory(seed: 5, keySpace: 10)
                history.extend(40)
                let writer = FileLogWriter(log)
                try history.append(0..<20, to: writer, topic: "people")
                #expect(try !Self.run(fixture, text, log, failAt: nil))
                try history.append(20..<history.records.count, to: writer, topic: "people")
                writer.close()
                _ = try Self.run(fixture, text, log, failAt: step)
                var mirror = Mirror(try fixture.people())
                let follower = try Self.follower(fixture, log)
                try Self.drain(follower, log, into: &mirror)
                // The rows of a crashed run count until they are retracted; they are written again.
                var fresh: [Int: DebeziumHistory.Row] = [:]
                let tail = try Self.follower(fixture, log).tail(of: log)
                try FreshScan(fixture.table("shop.people"), tail: tail).forEach { (batch) throws(WeirError) in
                    for row in 0..<batch.count {
                        let (id, value) = IngestFixture.person(batch, row)
                        if fresh.updateValue(value, forKey: id) != nil {
                            throw WeirError(.corrupt, "id \(id) is there twice")
                        }
                    }
                    return true
                }
                #expect(fresh == mirror.rows, "a fresh scan after a crash at step \(step)")
                #expect(try !Self.run(fixture, text, log, failAt: nil))
                try Self.drain(follower, log, into: &mirror)
                #expect(mirror.rows == history.rows, "after a crash at step \(step)")
            }
        }
    }
}
