import Bytes
import EventLog
import Foundation
import ObjectStorage
import Testing
import WeirTesting

/// Power loss while a group is written: any of its pages may have reached the device.
@Suite struct PowerLossTests {
    static func files(_ failAt: Int?) -> FaultyFileSystem { FaultyFileSystem(failAt: failAt, trackingPages: true) }

    static func settings(_ random: inout SeededGenerator) -> FileLogSettings {
        var settings = FileLogSettings()
        settings.segmentBytes = 6000
        settings.indexIntervalBytes = 300
        settings.flush =
            [.everyGroup, .everyGroup, .everyMilliseconds(1), .never].randomElement(using: &random) ?? .never
        settings.syncedEndLagMilliseconds = [0, 1, 100_000].randomElement(using: &random) ?? 0
        settings.syncedEndRestMilliseconds = [1, 100_000].randomElement(using: &random) ?? 1
        return settings
    }

    /// The expected content of a log over several runs.
    struct Model {
        /// Records that must be in the log.
        var certain: [TestRecord] = []
        /// Later batches, in order. Any number of the first ones may be in the log.
        var possible: [[TestRecord]] = []
        var number = 0

        mutating func nextBatch(_ random: inout SeededGenerator) -> [TestRecord] {
            (0..<Int.random(in: 1...4, using: &random)).map { _ in
                number += 1
                return numberedRecord(number, valueBytes: Int.random(in: 10...200, using: &random))
            }
        }

        /// Adopts the records found. Fails when they are none of the allowed states.
        mutating func settle(_ found: [TestRecord], _ label: String) {
            var allowed = certain
            var isAllowed = found == allowed
            for batch in possible where !isAllowed {
                allowed += batch
                isAllowed = found == allowed
            }
            #expect(
                isAllowed,
                "\(label): \(found.count) records, \(certain.count) certain, \(possible.map(\.count)) possible"
            )
            certain = found
            possible = []
        }
    }

    /// One run: appends until the file system fails, or closes. Returns whether it failed.
    private static func live(
        _ folder: String,
        _ files: FaultyFileSystem,
        _ settings: FileLogSettings,
        _ model: inout Model,
        _ random: inout SeededGenerator
    ) -> Bool {
        do {
            let log = try FileLog(root: folder + "/log", settings: settings, files: files)
            let writer = FileLogWriter(log)
            defer { writer.close() }
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                var tickets: [AppendTicket] = []
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let batch = model.nextBatch(&random)
                    model.possible.append(batch)
                    tickets.append(try writer.submit(topic: "orders", partition: 0, records: try encode(batch)))
                }
                for ticket in tickets {
                    try ticket.wait()
                    // Other modes acknowledge before the sync, so they may lose the records.
                    if settings.flush == .everyGroup { model.certain += model.possible.removeFirst() }
                }
            }
            writer.close()
            if !files.isDead {
                model.certain += model.possible.flatMap(\.self)
                model.possible = []
            }
        } catch {}
        return files.isDead
    }

    @Test(arguments: SeededGenerator.seeds(24))
    func `any subset of unsynced pages leaves a log that opens with everything acknowledged`(_ seed: UInt64) throws {
        print("power loss seed \(seed)")
        var random = SeededGenerator(seed: seed)
        try withTemporaryFolder { folder in
            let plain = try makeLog(folder)
            var model = Model()
            var deaths = 0
            for life in 0..<12 {
                let settings = Self.settings(&random)
                let label = "seed \(seed), life \(life), \(settings.flush)"
                let files = Self.files(Int.random(in: 0..<60, using: &random))
                if Self.live(folder, files, settings, &model, &random) {
                    deaths += 1
                    files.loseUnsynced(
                        pageBytes: [16, 64, 512, 4096].randomElement(using: &random) ?? 64,
                        using: &random
                    )
                }
                // A reader of another process reads before the recovery, another one after it. Both must see the same
                // end.
                let end = try plain.offsets(topic: "orders", partition: 0).end
                let seen = try readAll(plain)
                #expect(seen.count == Int(end), "\(label)")
                let writer = FileLogWriter(plain)
                do {
                    try writer.open(topic: "orders")
                } catch {
                    Issue.record("\(label): \(error)")
                    return
                }
                let found = try readAll(plain)
                #expect(found == seen, "\(label)")
                model.settle(found, label)
                writer.close()
            }
            #expect(deaths > 0)
        }
    }

    /// Damages or removes acknowledged and synced data: records must never be missing without an error.
    @Test(arguments: SeededGenerator.seeds(8))
    func `what was acknowledged is there or the log says in words what is missing`(_ seed: UInt64) throws {
        print("power loss damage seed \(seed)")
        var random = SeededGenerator(seed: seed)
        try withTemporaryFolder { folder in
            var refused = 0
            for round in 0..<25 {
                let root = "\(folder)/\(round)"
                let log = try makeLog(root) { $0.segmentBytes = 3000 }
                var model = Model()
                let files = FaultyFileSystem()
                var settings = log.settings
                settings.segmentBytes = 3000
                _ = Self.live(root, files, settings, &model, &random)
                let segments = try segmentFiles(log)
                let path = segments[Int.random(in: max(0, segments.count - 2)..<segments.count, using: &random)]
                let size = try #require(try LocalFileSystem().status(path)).size
                switch Int.random(in: 0..<3, using: &random) {
                case 0: try LocalFileSystem().remove(path)
                case 1:
                    let file = try LocalFileSystem().open(path, .write)
                    try file.truncate(to: Int64.random(in: 0...size, using: &random))
                default:
                    guard size > 0 else { continue }
                    try DamageTests.change(path) { bytes in
                        let start = Int.random(in: 0..<bytes.count, using: &random)
                        for index in start..<min(bytes.count, start + 40) { bytes[index] = 0 }
                    }
                }
                var wasTold = false
                for attempt in 0..<3 {
                    do {
                        if attempt == 1 {
                            let writer = FileLogWriter(log)
                            defer { writer.close() }
                            try writer.open(topic: "orders")
                        }
                        let earliest = try log.earliestOffset(topic: "orders", partition: 0)
                        let found = try readAll(log, from: earliest)
                        // The log cannot tell this from a segment that retention removed.
                        #expect(found == Array(model.certain.dropFirst(Int(earliest))), "seed \(seed), round \(round)")
                        #expect(try log.offsets(topic: "orders", partition: 0).end == Int64(model.certain.count))
                        #expect(!wasTold)
                    } catch let error as WeirError {
                        #expect([.corrupt, .notFound].contains(error.code), "\(error)")
                        #expect(error.description.contains(log.root), "\(error)")
                        wasTold = true
                    }
                }
                refused += wasTold ? 1 : 0
            }
            #expect(refused > 8)
        }
    }
}
