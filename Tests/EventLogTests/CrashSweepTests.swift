import Bytes
import EventLog
import ObjectStorage
import Testing
import WeirTesting

/// Crashes the log, and fills the disk, at every step that changes a file.
@Suite struct CrashSweepTests {
    /// What a run observed before it crashed.
    struct Progress {
        var created = false
        /// Records whose append returned.
        var acknowledged: [TestRecord] = []
        /// The batch whose append failed.
        var unacknowledged: [TestRecord] = []
    }

    static let batches = 26
    static let recordsPerBatch = 3

    static func batch(_ number: Int) -> [TestRecord] {
        (0..<recordsPerBatch).map { numberedRecord(number * recordsPerBatch + $0, valueBytes: 90) }
    }

    static func settings(_ settings: inout FileLogSettings) {
        settings.segmentBytes = 1600
        settings.indexIntervalBytes = 300
        settings.retentionBytes = 4000
        // The clock is not used, so that every run has the same steps.
        settings.syncedEndLagMilliseconds = 0
        settings.syncedEndRestMilliseconds = 100_000_000
    }

    /// Creates a topic, appends over several segments while retention removes the first ones, and creates another topic.
    static func run(_ files: any FileSystem, _ folder: String) -> Progress {
        var progress = Progress()
        do {
            let log = try makeLog(folder, files: files, settings)
            progress.created = true
            let writer = FileLogWriter(log)
            defer { writer.close() }
            for number in 0..<batches {
                let records = batch(number)
                do {
                    let first = try writer.append(topic: "orders", partition: 0, records: encode(records))
                    guard first == Int64(progress.acknowledged.count) else {
                        Issue.record("batch \(number) was acknowledged at offset \(first)")
                        return progress
                    }
                    progress.acknowledged += records
                } catch {
                    progress.unacknowledged = records
                    throw error
                }
                if number % 8 == 7 { try writer.applyRetention(topic: "orders") }
            }
            try log.createTopic("second", partitions: 2)
        } catch {}
        return progress
    }

    /// Opens the log after a crash and checks that every acknowledged record is there once, in order.
    static func check(_ folder: String, _ progress: Progress, _ label: String) throws {
        let log = try FileLog(root: folder + "/log", settings: FileLogSettings().adjusted(settings))
        guard try log.topics().contains("orders") else {
            #expect(!progress.created, "\(label): the topic is gone")
            try log.createTopic("orders")
            return
        }
        // A reader of another process comes first, while the torn tail is still there.
        let (seen, _) = try log.offsets(topic: "orders", partition: 0)
        _ = try readAll(log, from: seen)

        let extra = numberedRecord(9_999)
        let writer = FileLogWriter(log)
        try writer.append(topic: "orders", partition: 0, records: encode([extra]))
        let earliest = try log.offsets(topic: "orders", partition: 0).earliest
        let found = try readAll(log, from: earliest)
        let all = progress.acknowledged + [extra]
        let allowed = progress.acknowledged + progress.unacknowledged + [extra]
        #expect(
            found == Array(all.dropFirst(Int(earliest))) || found == Array(allowed.dropFirst(Int(earliest))),
            "\(label): \(found.count) records from offset \(earliest), \(progress.acknowledged.count) acknowledged"
        )
        let bytes = try segmentFiles(log).reduce(Int64(0)) { $0 + (try LocalFileSystem().status($1)?.size ?? 0) }
        #expect(earliest == 0 || bytes >= 4000, "\(label): retention removed too much")
        writer.close()
        // Opening once more finds nothing to repair.
        let again = FileLogWriter(log)
        #expect(try again.open(topic: "orders").isEmpty, "\(label)")
        #expect(again.rebuiltIndexes.isEmpty, "\(label): \(again.rebuiltIndexes)")
        again.close()
        #expect(try readAll(log, from: earliest) == found)
        if try !log.topics().contains("second") { try log.createTopic("second", partitions: 2) }
        #expect(try log.partitions(of: "second") == [0, 1])
    }

    enum Failure: String, CaseIterable { case process, power, powerInAnyOrder }

    @Test(arguments: Failure.allCases)
    func `a crash at any step loses nothing that was acknowledged`(_ failure: Failure) throws {
        // The unordered writes that survive a power failure depend on the seed. The other sweeps cover all steps.
        for seed in failure == .powerInAnyOrder ? SeededGenerator.seeds(1) : [0] {
            try sweep(failure, seed: seed)
        }
    }

    private func sweep(_ failure: Failure, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let counting = FaultyFileSystem()
        let complete = withTemporaryFolder { Self.run(counting, $0) }
        #expect(complete.acknowledged.count == Self.batches * Self.recordsPerBatch)
        for step in 0..<counting.steps {
            try withTemporaryFolder { folder in
                let files = FaultyFileSystem(failAt: step, trackingPages: failure == .powerInAnyOrder)
                let progress = Self.run(files, folder)
                #expect(files.isDead)
                switch failure {
                case .process: break
                case .power: files.loseUnsynced()
                case .powerInAnyOrder: files.loseUnsynced(pageBytes: 64, using: &random)
                }
                try Self.check(folder, progress, "step \(step), \(failure), seed \(seed)")
            }
        }
        print("crash sweep, \(failure): \(counting.steps) points")
    }

    /// A second crash during recovery must not lose more.
    @Test func `a crash at any step of the recovery loses nothing either`() throws {
        let counting = FaultyFileSystem()
        _ = withTemporaryFolder { Self.run(counting, $0) }
        var points = 0
        for first in stride(from: counting.steps / 3, to: counting.steps, by: Soak.stride(31)) {
            var second = 0
            while true {
                let isOver = try withTemporaryFolder { folder in
                    let files = FaultyFileSystem(failAt: first)
                    let progress = Self.run(files, folder)
                    files.loseUnsynced()
                    let failing = FaultyFileSystem(failAt: second)
                    do {
                        let log = try FileLog(
                            root: folder + "/log",
                            settings: FileLogSettings().adjusted(Self.settings),
                            files: failing
                        )
                        let writer = FileLogWriter(log)
                        try writer.open(topic: "orders")
                        writer.close()
                    } catch {}
                    guard failing.isDead else { return true }
                    failing.loseUnsynced()
                    try Self.check(folder, progress, "step \(first), then step \(second) of the recovery")
                    points += 1
                    return false
                }
                if isOver { break }
                second += 1
            }
        }
        #expect(points > 50)
        print("crash sweep of the recovery: \(points) points")
    }

    @Test func `a full disk at any step fails the append and nothing else`() throws {
        let counting = FaultyFileSystem()
        _ = withTemporaryFolder { Self.run(counting, $0) }
        var surfaced = 0
        for step in 0..<counting.steps {
            try withTemporaryFolder { folder in
                let label = "step \(step)"
                let files = FaultyFileSystem(failAt: step, fault: .outOfSpace)
                var failures = 0
                func retrying<Result>(_ body: () throws(WeirError) -> Result) throws(WeirError) -> Result? {
                    for _ in 0..<2 {
                        do { return try body() } catch {
                            if error.code == .alreadyExists { return nil }
                            failures += 1
                            guard failures == 1 else { throw error }
                            #expect("\(error)".contains("space"), "\(label): \(error)")
                        }
                    }
                    return nil
                }
                guard
                    let log = try retrying({ () throws(WeirError) in try makeLog(folder, files: files, Self.settings) })
                else { return }
                var writer = FileLogWriter(log)
                var acknowledged: [TestRecord] = []
                for number in 0..<Self.batches {
                    let records = Self.batch(number)
                    do {
                        try writer.append(topic: "orders", partition: 0, records: encode(records))
                    } catch {
                        failures += 1
                        #expect("\(error)".contains("space"), "\(label): \(error)")
                        let earliest = try log.offsets(topic: "orders", partition: 0).earliest
                        #expect(
                            try readAll(log, from: earliest) == Array(acknowledged.dropFirst(Int(earliest))),
                            "\(label)"
                        )
                        do {
                            try writer.append(topic: "orders", partition: 0, records: encode(records))
                        } catch {
                            // Only a failed sync stops the partition until it is opened again.
                            #expect("\(error)".contains("stopped"), "\(label): \(error)")
                            writer.close()
                            writer = FileLogWriter(log)
                            try writer.append(topic: "orders", partition: 0, records: encode(records))
                        }
                    }
                    acknowledged += records
                }
                writer.close()
                let earliest = try log.offsets(topic: "orders", partition: 0).earliest
                #expect(try readAll(log, from: earliest) == Array(acknowledged.dropFirst(Int(earliest))), "\(label)")
                let again = FileLogWriter(try FileLog(root: folder + "/log"))
                #expect(try again.open(topic: "orders").isEmpty, "\(label)")
                again.close()
                surfaced += failures > 0 ? 1 : 0
            }
        }
        #expect(surfaced > counting.steps / 3)
        print("full disk sweep: \(counting.steps) points, \(surfaced) of them failed a call")
    }
}

extension FileLogSettings {
    func adjusted(_ change: (inout FileLogSettings) -> Void) -> FileLogSettings {
        var copy = self
        change(&copy)
        return copy
    }
}
