import Bytes
import EventLog
import Foundation
import IcebergTables
import MixedTables
import Optimizing
import Testing
import WeirTesting

@testable import StreamRuntime

/// Runs that optimize their tables while they write them.
@Suite(.hangGuard) struct SelfOptimizingTests {
    /// Small files are large for these tables, and everything is due at once.
    private static func topology(formatVersion: Int) -> String {
        IngestFixture.people
            .replacingOccurrences(
                of: "commit.interval: 1h, commit.bytes: 1kb, materialize: off",
                with: "commit.interval: 20ms"
            )
            .replacingOccurrences(
                of: "primary-key: [id]",
                with: """
                    primary-key: [id]
                        properties:
                          format-version: \(formatVersion)
                          self-optimizing.min-plan-interval: 0
                          self-optimizing.minor.trigger.file-count: 2
                          self-optimizing.target-size: 40000
                          base.file-index.hash-bucket: 2
                    """
            )
    }

    /// One long run with bursts, pauses, jumps of time, another engine's commits, and an optimizer in another process.
    @Test(arguments: SeededGenerator.seeds(2), [2, 3])
    func `base alone equals the oracle while its files are written anew`(seed: UInt64, formatVersion: Int) throws {
        try IngestFixture.withPeople { fixture, appender in
            let time = SkippingClock()
            let plan = try fixture.plan(Self.topology(formatVersion: formatVersion))
            let live = LiveRun(
                plan,
                deadLetters: "\(fixture.folder)/dead-letters/test.ndjson",
                stateFolder: fixture.folder + "/state",
                clock: time.clock
            )
            defer { live.run.stop() }
            var history = DebeziumHistory(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x0971)
            var other = OtherEngine(fixture)
            var foreign: [Int: String] = [:]
            var appended = 0
            var byHand = 0
            func what() -> String { "seed \(seed): \(live.run.state.optimizing)" }
            for round in 0..<14 {
                for _ in 0..<1 + random.next() % 6 {
                    history.extend(Int(1 + random.next() % 60))
                    try history.append(appended..<history.records.count, to: appender, topic: "people")
                    appended = history.records.count
                    Thread.sleep(forTimeInterval: Double(random.next() % 30) / 1000)
                }
                switch random.next() % 5 {
                case 0: time.skip(.seconds(3600))
                case 1:
                    try other.append([10_000 + round], name: "other")
                    foreign[10_000 + round] = "other"
                case 2: if let gone = try other.remove() { for id in gone { foreign[id] = nil } }
                case 3:
                    let optimizer = TableOptimizer(
                        OptimizingSettings(),
                        threads: 2,
                        nowMilliseconds: WallClock.milliseconds
                    )
                    do {
                        _ = try optimizer.run(fixture.table("shop.people"), .kind(.full))
                        byHand += 1
                    } catch let error as WeirError where error.code == .conflict {}
                default: break
                }
                guard random.next() % 3 != 0 || round == 13 else { continue }
                let expected = history.rows.mapValues { $0.name ?? "null" }.merging(foreign) { $1 }
                try live.wait("base to have round \(round), \(what())") {
                    try fixture.baseContents("shop.people") == expected
                }
                #expect(try fixture.contents("shop.people") == expected, "\(what())")
            }
            // Updates of the same keys, so that rows of files go that are being written anew.
            try live.wait("a rewrite beside commits, \(what())") {
                history.extend(20)
                try history.append(appended..<history.records.count, to: appender, topic: "people")
                appended = history.records.count
                return live.run.state.optimizing["shop.people"].map { $0.commits > 2 } ?? false
            }
            let expected = history.rows.mapValues { $0.name ?? "null" }.merging(foreign) { $1 }
            try live.wait("base to have everything, \(what())") { try fixture.baseContents("shop.people") == expected }
            try live.stop()
            #expect(try fixture.baseContents("shop.people") == fixture.contents("shop.people"))
            // Its keys were read once, when it began.
            #expect(live.run.state.keyIndexes["shop.people"]?.beginnings == 1, "\(what())")
            print("self-optimizing, \(what()), \(byHand) by hand")
        }
    }

    @Test func `a table that says so is left alone`() throws {
        try IngestFixture.withPeople { fixture, appender in
            let time = SkippingClock()
            let text = Self.topology(formatVersion: 2)
                .replacingOccurrences(of: "min-plan-interval: 0", with: "enabled: false")
            let live = LiveRun(fixture, try fixture.plan(text), clock: time.clock)
            defer { live.run.stop() }
            var history = DebeziumHistory(seed: 3)
            for _ in 0..<6 {
                let first = history.records.count
                history.extend(40)
                try history.append(first..<history.records.count, to: appender, topic: "people")
                time.skip(.seconds(60))
                let expected = history.rows.mapValues { $0.name ?? "null" }
                try live.wait("base to have all") { try fixture.baseContents("shop.people") == expected }
            }
            try live.stop()
            #expect(live.run.state.optimizing.isEmpty)
        }
    }

    /// Two days of half hours, in which the run is never restarted: what is on disk is bounded by what the table holds.
    @Test func `files do not pile up in a run that stays up, and every reader sees the oracle's rows`() throws {
        try IngestFixture.withPeople { fixture, appender in
            let time = SkippingClock()
            let text = Self.topology(formatVersion: 2).replacingOccurrences(
                of: "base.file-index.hash-bucket: 2",
                with: """
                    base.file-index.hash-bucket: 2
                          change.data.ttl.minutes: 60
                          snapshot.keep.duration: 30min
                          snapshot.keep.max-count: 10
                          clean-orphan-file.enabled: true
                    """
            )
            let live = LiveRun(
                try fixture.plan(text),
                deadLetters: "\(fixture.folder)/dead-letters/test.ndjson",
                clock: time.clock,
                nowMilliseconds: { time.wallMilliseconds }
            )
            defer { live.run.stop() }
            var history = DebeziumHistory(seed: 11)
            var counts: [Int] = []
            for round in 0..<96 {
                let first = history.records.count
                history.extend(20)
                try history.append(first..<history.records.count, to: appender, topic: "people")
                let expected = history.rows.mapValues { $0.name ?? "null" }
                try live.wait("base to have round \(round)") { try fixture.baseContents("shop.people") == expected }
                #expect(try fixture.people() == history.rows, "round \(round)")
                time.skip(.seconds(1800))
                if round % 8 == 7 {
                    let known = live.run.state.upkeep.count
                    try live.wait("files to be freed, after \(live.run.state.upkeep)") {
                        // What is due is done when it is looked at again.
                        time.skip(.seconds(60))
                        return live.run.state.upkeep.count > known
                    }
                    counts.append(try Self.fileCount(fixture))
                }
            }
            try live.stop()
            let half = counts.prefix(counts.count / 2).max() ?? 0
            #expect(counts.dropFirst(counts.count / 2).allSatisfy { $0 <= 2 * half }, "\(counts)")
            let freed = live.run.state.upkeep.filter { $0.contains("deleted") }.count
            #expect(freed > 4, "\(live.run.state.upkeep)")
            print("files of a table over two days: \(counts); \(live.run.state.optimizing)")
        }
    }

    private static func fileCount(_ fixture: IngestFixture) throws -> Int {
        let table = try fixture.table("shop.people")
        return try [table.base.location, table.change?.location ?? ""].reduce(0) { sum, location in
            let path = location.hasPrefix("file://") ? String(location.dropFirst(7)) : location
            let found = try FileManager.default.subpathsOfDirectory(atPath: path)
            return sum + found.filter { $0.contains(".") && !$0.hasSuffix(".puffin/") }.count
        }
    }
}
