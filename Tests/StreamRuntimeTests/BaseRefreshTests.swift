import Bytes
import EventLog
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

@testable import StreamRuntime

/// A run moves its changes into base: what any engine reads follows the stream.
@Suite struct BaseRefreshTests {
    private static func topology(_ pipeline: String) -> String {
        IngestFixture.people.replacingOccurrences(
            of: "commit.interval: 1h, commit.bytes: 1kb, materialize: off",
            with: pipeline
        )
    }

    private static let inline = topology("commit.interval: 1h, commit.bytes: 1kb")

    private static func names(_ rows: [Int: DebeziumHistory.Row]) -> [Int: String] {
        rows.mapValues { $0.name ?? "null" }
    }

    @Test(.hangGuard, arguments: SeededGenerator.seeds(2))
    func `base has everything at the end of a run until it has caught up`(seed: UInt64) throws {
        try IngestFixture.withPeople { fixture, appender in
            var history = DebeziumHistory(seed: seed)
            var appended = 0
            for round in 0..<3 {
                history.extend(200)
                try history.append(appended..<history.records.count, to: appender, topic: "people")
                appended = history.records.count
                try fixture.run(Self.inline)
                #expect(try fixture.people() == history.rows, "round \(round)")
                #expect(try fixture.baseContents("shop.people") == Self.names(history.rows), "round \(round)")
            }
            #expect(try fixture.replayedPeople() == history.rows)
        }
    }

    @Test(.hangGuard) func `a run with materialize: off leaves base alone, and the next one catches up`() throws {
        try IngestFixture.withPeople { fixture, appender in
            var history = DebeziumHistory(seed: 5)
            history.extend(100)
            try history.append(0..<history.records.count, to: appender, topic: "people")
            try fixture.run()
            #expect(try fixture.table("shop.people").base.metadata.snapshots.isEmpty)
            #expect(try fixture.people() == history.rows)
            // Nothing is new in the log.
            try fixture.run(Self.inline)
            #expect(try fixture.baseContents("shop.people") == Self.names(history.rows))
        }
    }

    /// Which thread takes a step is not always the same one, so the sweep meets both.
    @Test(.hangGuard, arguments: [FaultyFileSystem.Fault.crash, .outOfSpace])
    func `a fault at any step loses nothing, and base catches up`(fault: FaultyFileSystem.Fault) throws {
        var history = DebeziumHistory(seed: 13, keySpace: 12)
        history.extend(60)
        func prepare(_ folder: String) throws -> IngestFixture {
            let fixture = IngestFixture(folder: folder)
            let log = try FileLog(root: fixture.logRoot)
            try log.createTopic("people", partitions: 1)
            let appender = FileLogWriter(log)
            defer { appender.close() }
            try history.append(0..<history.records.count, to: appender, topic: "people")
            return fixture
        }
        let total = try withTemporaryFolder { folder in
            let files = FaultyFileSystem()
            try prepare(folder).run(Self.inline, files: files)
            return files.steps
        }
        for step in stride(from: 1, to: total, by: Soak.stride(7)) {
            try withTemporaryFolder { folder in
                let fixture = try prepare(folder)
                let files = FaultyFileSystem(failAt: step, fault: fault)
                let failed = (try? fixture.run(Self.inline, files: files)) == nil
                if failed && files.isDead && step % 2 == 0 { files.loseUnsynced() }
                try fixture.run(Self.inline)
                #expect(try fixture.people() == history.rows, "after a fault at step \(step) of \(total)")
                #expect(
                    try fixture.baseContents("shop.people") == Self.names(history.rows),
                    "base after a fault at step \(step) of \(total)"
                )
                #expect(try fixture.replayedPeople() == history.rows, "after a fault at step \(step) of \(total)")
            }
        }
        print("sweep of ingest with inline materializing, \(fault): about \(total) steps")
    }

    /// One long run with bursts, pauses, jumps of time, other engines' commits to base and full optimizing.
    @Test(.hangGuard, arguments: SeededGenerator.seeds(2))
    func `base alone equals the oracle at every quiet moment`(seed: UInt64) throws {
        try IngestFixture.withPeople { fixture, appender in
            let time = SkippingClock()
            let plan = try fixture.plan(Self.topology("commit.interval: 20ms"))
            let live = LiveRun(fixture, plan, clock: time.clock)
            defer { live.run.stop() }
            var history = DebeziumHistory(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0xba5e)
            var other = OtherEngine(fixture)
            var foreign: [Int: String] = [:]
            var appended = 0
            var optimized = 0
            for round in 0..<12 {
                for _ in 0..<1 + random.next() % 4 {
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
                    do {
                        _ = try FullOptimize(fixture.table("shop.people"), nowMilliseconds: 1).run()
                        optimized += 1
                    } catch let error as WeirError where error.code == .conflict {}
                default: break
                }
                guard random.next() % 3 != 0 || round == 11 else { continue }
                let expected = Self.names(history.rows).merging(foreign) { $1 }
                try live.wait("base to have round \(round), seed \(seed)") {
                    try fixture.baseContents("shop.people") == expected
                }
                #expect(try fixture.contents("shop.people") == expected)
            }
            try live.stop()
            #expect(try fixture.baseContents("shop.people") == fixture.contents("shop.people"))
            print("base beside a run, seed \(seed): \(live.run.progress.commits) commits, \(optimized) full optimizes")
        }
    }
}

/// When each table gets its turn.
@Suite struct RefreshScheduleTests {
    private let begin = RunClock.system.now
    private func at(_ milliseconds: Int) -> RunClock.Instant { begin + .milliseconds(milliseconds) }

    @Test func `tables take turns, and one that is caught up waits for a commit`() {
        var schedule = RefreshSchedule(tables: 2, at: at(0))
        #expect(schedule.next(at: at(0)) == [0])
        schedule.finished(0, .advanced, interval: .zero, at: at(1))
        #expect(schedule.next(at: at(1)) == [1])
        schedule.finished(1, .caughtUp, interval: .zero, at: at(2))
        #expect(schedule.next(at: at(2)) == [0])
        schedule.finished(0, .caughtUp, interval: .zero, at: at(3))
        #expect(schedule.next(at: at(4)) == nil)
        schedule.want(1)
        #expect(schedule.next(at: at(5)) == [1])
        // A commit during the step asks for another one.
        schedule.want(1)
        schedule.finished(1, .caughtUp, interval: .zero, at: at(6))
        #expect(schedule.next(at: at(6)) == [1])
        schedule.finished(1, .caughtUp, interval: .zero, at: at(7))
        #expect(schedule.next(at: at(8)) == nil)
        // Without commits each is looked at now and then.
        #expect(schedule.nextTime == at(10_003))
        #expect(schedule.next(at: at(10_003)) == [0])
    }

    @Test func `tables that keep up take their turn at once, unless they have to wait`() {
        var schedule = RefreshSchedule(tables: 4, at: at(0))
        let all = Set([0, 1, 3])
        #expect(schedule.next(at: at(0), keepsUp: all.contains) == [0, 1, 3])
        #expect(schedule.next(at: at(0), keepsUp: all.contains) == [2])
        schedule.finished(0, .caughtUp, interval: .zero, at: at(1))
        schedule.finished(1, .caughtUp, interval: .seconds(60), at: at(1))
        schedule.finished(2, .advanced, interval: .zero, at: at(1))
        schedule.finished(3, .caughtUp, interval: .zero, at: at(1))
        // One commit of the run changes all of them, and the others are asked for a little later.
        schedule.want(3)
        #expect(schedule.next(at: at(2), keepsUp: all.contains) == [0, 3])
        #expect(schedule.next(at: at(2), keepsUp: all.contains) == [2])
        schedule.want(0)
        #expect(schedule.next(at: at(60_001), keepsUp: all.contains) == [0, 1, 3])
    }

    @Test func `an interval holds back commits`() {
        var schedule = RefreshSchedule(tables: 1, at: at(0))
        #expect(schedule.next(at: at(0)) == [0])
        schedule.finished(0, .caughtUp, interval: .seconds(60), at: at(0))
        schedule.want(0)
        #expect(schedule.nextTime == at(60_000))
        #expect(schedule.next(at: at(59_999)) == nil)
        #expect(schedule.next(at: at(60_000)) == [0])
        schedule.finished(0, .advanced, interval: .seconds(60), at: at(60_000))
        #expect(schedule.next(at: at(60_000)) == [0])
    }

    @Test func `whoever is outrun or fails waits longer each time, up to a bound`() {
        for (outcome, first, longest) in [
            (RefreshSchedule.Outcome.outrun, 250, 30_000), (.failed, 1000, 60_000),
        ] {
            var schedule = RefreshSchedule(tables: 1, at: at(0))
            var waits: [Int] = []
            var now = 0
            for _ in 0..<20 {
                #expect(schedule.next(at: at(now)) == [0])
                schedule.finished(0, outcome, interval: .zero, at: at(now))
                #expect(schedule.next(at: at(now)) == nil)
                let wait = schedule.nextTime.map { ($0 - at(now)).milliseconds } ?? 0
                waits.append(wait)
                now += wait
            }
            #expect(waits.first == first && waits[1] == 2 * first && waits.last == longest)
            #expect(schedule.next(at: at(now)) == [0])
            schedule.finished(0, .caughtUp, interval: .zero, at: at(now))
            schedule.want(0)
            #expect(schedule.nextTime == at(now))
        }
    }
}
