import Bytes
import Foundation
import Synchronization
import Testing
import WeirTesting

@testable import MixedTables
@testable import StreamRuntime
@testable import WeirCommands

/// The status display of a run, with a manually advanced clock.
@Suite(.timeLimit(.minutes(30))) struct RunStatusTests {
    private let begin = RunClock.system.now

    private func sample(_ seconds: Int, records: Int, lag: Int64?, commits: Int = 0) -> RunStatus.Sample {
        var sample = RunStatus.Sample(time: begin + .seconds(seconds), wallTime: Int64(seconds) * 1000)
        sample.counts.records = records
        sample.counts.commits = commits
        sample.state.phase = .reading
        sample.lag = lag.map { records in
            var lag = SourceLag()
            lag.records = records
            if records > 0 { lag.lastRead = Int64(seconds - 3) * 1000 }
            return lag
        }
        return sample
    }

    @Test func `elsewhere than on a terminal there is a line a minute, and one when it has caught up`() {
        var status = RunStatus(isTerminal: false, start: sample(0, records: 0, lag: nil))
        var lines: [Int: [RunStatus.Output]] = [:]
        for second in 1...200 {
            // 100 records per second for 90 seconds, of 9,000 records.
            let records = min(9000, second * 100)
            let shown = status.look(sample(second, records: records, lag: Int64(9000 - records), commits: second / 10))
            if !shown.isEmpty { lines[second] = shown }
        }
        #expect(lines.keys.sorted() == [60, 90, 150])
        #expect(
            lines[60] == [.line("100/s, lag 3,000 records, 3 s behind, 6,000 records read, 6 commits, 0 dead letters")]
        )
        #expect(lines[90] == [.line("caught up: 9,000 records read, 9 commits, 0 dead letters")])
        let idle = "waits for records: 0/s, no lag, 9,000 records read, 15 commits, 0 dead letters"
        #expect(lines[150] == [.line(idle)])
    }

    @Test func `a stream that trickles has caught up once, one that was behind for long once more`() {
        var status = RunStatus(isTerminal: false, start: sample(0, records: 0, lag: nil))
        var caughtUp: [Int] = []
        for second in 1...170 {
            let isBehind = second < 100 ? second % 2 == 0 : second < 160
            let shown = status.look(sample(second, records: second, lag: isBehind ? 1 : 0))
            if case .line(let text)? = shown.first, text.hasPrefix("caught up") { caughtUp.append(second) }
        }
        #expect(caughtUp == [1, 160])
    }

    @Test func `on a terminal the line is drawn every two seconds and nothing else stays but generations`() {
        var status = RunStatus(isTerminal: true, start: sample(0, records: 0, lag: nil))
        var first = sample(1, records: 10, lag: 0)
        (first.state.generation, first.state.partitions, first.state.topics) = (1, 4, 2)
        first.counts.loadedRows = 1200
        #expect(
            status.look(first) == [
                .line("generation 1 begins with 4 partitions of 2 topics; 1,200 keys of its tables read")
            ]
        )
        var shown = 0
        for second in 2...21 {
            var now = sample(second, records: 10, lag: 0)
            now.state.generation = 1
            for output in status.look(now) {
                guard case .redraw = output else {
                    Issue.record("\(output) stays")
                    return
                }
                shown += 1
            }
        }
        #expect(shown == 10)
    }

    @Test func `it says once how many keys were read for the base stores, and from where`() {
        var status = RunStatus(isTerminal: false, start: sample(0, records: 0, lag: nil))
        var now = sample(1, records: 10, lag: 5)
        var (read, reopened, empty) = (KeyIndexReport(), KeyIndexReport(), KeyIndexReport())
        (read.beginnings, read.keys) = (1, 1200)
        (reopened.beginnings, reopened.keys, reopened.isFromFolder, reopened.commitsBehind) = (1, 10_000_000, true, 12)
        empty.beginnings = 1
        now.state.keyIndexes = ["shop.b": read, "shop.a": reopened, "shop.c": empty]
        let lines: [RunStatus.Output] = [
            .line("shop.a: 10,000,000 keys from the state folder, 12 commits behind"),
            .line("shop.b: 1,200 keys of the base store read"),
        ]
        #expect(status.look(now) == lines)
        #expect(status.look(now).isEmpty)
        (read.beginnings, read.keys, read.isFromFolder) = (2, 1, true)
        now.state.keyIndexes["shop.b"] = read
        #expect(status.look(now) == [.line("shop.b: 1 key from the state folder, expired commits behind")])
    }

    @Test func `a run that ends when it has caught up tells no more than how it gets on`() {
        var status = RunStatus(isTerminal: false, showsEvents: false, start: sample(0, records: 0, lag: nil))
        var seconds: [Int] = []
        for second in 1...70 {
            var now = sample(second, records: 10, lag: 0)
            now.state.generation = 1
            if !status.look(now).isEmpty { seconds.append(second) }
        }
        #expect(seconds == [60])
    }

    @Test func `it says what the run waits for`() {
        let before = sample(0, records: 5, lag: 0)
        func ending(_ change: (inout RunStatus.Sample) -> Void) -> String {
            var now = sample(10, records: 5, lag: 7)
            change(&now)
            let parts = RunStatus.text(now, since: before).split(separator: ":")
            return parts.count > 1 ? String(parts[0]) : ""
        }
        #expect(ending { $0.state.phase = .opening } == "opens its tables and reads their keys")
        #expect(ending { $0.state.phase = .awaitingPartitions } == "waits for its partitions")
        #expect(ending { $0.state.commitBegan = begin + .seconds(2) } == "a commit takes 8 s by now")
        #expect(ending { $0.state.commitBegan = begin + .seconds(6) } == "no records come")
        #expect(ending { $0.isStopping = true } == "ends after a last commit")
        #expect(ending { $0.lag = SourceLag() } == "waits for records")
        #expect(ending { $0.counts.records = 6 } == "")
        var unknown = sample(10, records: 6, lag: nil)
        unknown.state.lastCommit = begin + .seconds(6)
        #expect(
            RunStatus.text(unknown, since: before).contains("lag unknown, 6 records read, 0 commits, the last 4 s ago")
        )
    }

    @Test func `it says which base is behind, once it is by much`() {
        let before = sample(0, records: 5, lag: 0)
        func text(_ seconds: Int) -> String {
            var now = sample(100, records: 6, lag: 0)
            for (name, time) in [("shop.orders", 100 - seconds), ("shop.customers", 99)] {
                let commit = MaterializeBacklog.Commit(sequence: 3, time: Int64(time) * 1000)
                now.state.backlogs[name] = MaterializeBacklog(commits: [commit])
            }
            return RunStatus.text(now, since: before)
        }
        #expect(text(30).contains("no lag, base of shop.orders 30 s behind, 6 records read"))
        #expect(!text(29).contains("base"))
        // Nothing can be moved before the keys are known, which may take long.
        func loading(_ seconds: Int) -> String {
            var now = sample(100, records: 6, lag: 0)
            let commit = MaterializeBacklog.Commit(sequence: 3, time: Int64(100 - seconds) * 1000)
            now.state.backlogs["shop.orders"] = MaterializeBacklog(commits: [commit], isLoading: true)
            return RunStatus.text(now, since: before)
        }
        #expect(loading(1).contains("no lag, reads the keys of shop.orders for its base, 6 records"))
        #expect(loading(40).contains("base of shop.orders 40 s behind, reads the keys of shop.orders for its base, 6"))
        // A commit that nobody has looked at yet.
        var now = sample(100, records: 6, lag: 0)
        now.state.backlogs["shop.orders", default: MaterializeBacklog()].note(commitAt: 40_000)
        now.state.backlogs["shop.orders", default: MaterializeBacklog()].note(commitAt: 90_000)
        #expect(RunStatus.text(now, since: before).contains("base of shop.orders 60 s behind"))
    }

    @Test func `a lag is shown for the generation it was asked in, and not for long`() throws {
        var lag = SourceLag()
        lag.records = 7
        let answer = LagAnswer(lag: lag, generation: 2, time: begin)
        #expect(answer.current(in: 2, at: begin + .seconds(10)) == lag)
        #expect(answer.current(in: 2, at: begin + .seconds(11)) == nil)
        // After a rebalance, an answer about the former partitions could say "caught up".
        #expect(answer.current(in: 3, at: begin) == nil && answer.current(in: 1, at: begin) == nil)
        #expect(LagAnswer(lag: nil, generation: 2, time: begin).current(in: 2, at: begin) == nil)
    }

    @Test(arguments: [Int64.min, -1, 0, 1, Int64.max])
    func `a record of any time can be the last one read`(time: Int64) {
        var lag = SourceLag()
        lag.add(ReadPositions.Read(source: 0, next: 3, queued: 3, timestamp: time), end: 5)
        #expect(lag.records == 2)
        #expect(lag.lastRead == (time < 0 ? nil : time), "records without a time have a negative one")
        var now = sample(10, records: 3, lag: 2)
        now.lag = lag
        let age = time < 0 ? "" : ", \(time > 10_000 ? 0 : 10 - (time + 999) / 1000) s behind"
        #expect(RunStatus.text(now, since: sample(0, records: 0, lag: nil)).contains("lag 2 records\(age), 3 records"))
    }

    @Test func `the second signal ends a process at once, unless it is SIGHUP`() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            #expect(StopSignals.Reaction(to: number, earlier: 0) == .stop)
            for earlier in [1, 2, 9] {
                let expected: StopSignals.Reaction = number == SIGHUP ? .ignore : .exit(128 + number)
                #expect(StopSignals.Reaction(to: number, earlier: earlier) == expected)
            }
        }
    }

    private static func said(isTerminal: Bool, isQuiet: Bool) -> String {
        let text = Mutex("")
        let log = RunLog(isTerminal: isTerminal, isQuiet: isQuiet, nowMilliseconds: { 1_769_857_200_001 }) { part in
            text.withLock { $0 += part }
        }
        log.note("begins")
        log.show(.redraw("one"))
        log.warn("something")
        log.show(.redraw("two"))
        log.show(.line("three"))
        log.show(.redraw("four"))
        log.closeStatus()
        log.show(.redraw("five"))
        log.warn("last")
        return text.withLock { $0 }.replacingOccurrences(of: "\r\u{1b}[K", with: "<")
    }

    @Test func `what is said has one form`() {
        let terminal = Self.said(isTerminal: true, isQuiet: false)
        #expect(
            terminal == "weir: begins\n<one<weir: warning: something\n<two<weir: three\n<four<weir: warning: last\n"
        )
        let time = "2026-01-31T11:00:00.001Z"
        #expect(Self.said(isTerminal: false, isQuiet: true) == "\(time) warning: something\n\(time) warning: last\n")
    }

    @Test func `a run writes lines with times, true to what it has read`() throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let run = try weir.start(["run", "people.yaml"])
            let input = BinaryTests.record(1, "ada", operation: "c") + "{\"id\":2}\tnot json\n"
            try weir("log", "append", "people", input: input)
            #expect(run.wait(seconds: 1200) { run.errors.contains("caught up: 2 records read") }, "\(run.errors)")
            run.signal(SIGTERM)
            let ended = run.finish(seconds: 1200)
            #expect(ended.status == 0, "\(ended.errors)")
            let lines = ended.errors.split(separator: "\n")
            for line in lines {
                let time = try #require(line.split(separator: " ").first.map(String.init))
                #expect(throws: Never.self, "\(line)") { try TimeText.parse(time) }
                #expect(time.hasSuffix("Z"), "\(line)")
            }
            #expect(lines.contains { $0.hasSuffix("generation 1 begins with 1 partition of 1 topic") }, "\(lines)")
            #expect(!ended.errors.contains("\u{1b}"))
            let quiet = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            #expect(quiet.status == 0 && quiet.errors.isEmpty, "\(quiet.errors)")
        }
    }
}
