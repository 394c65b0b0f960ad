import Foundation
import Testing
import WeirTesting

/// A long-running process while the wall clock of its machine is set.
@Suite(.serialized, .mostlyWaits, .hangGuard, .enabled(if: FakeTime.isInstalled || Peers.shouldRun))
struct ClockStepTests {
    /// The time of the table's newest commit.
    private static func newestCommit(_ weir: WeirBinary) throws -> Date {
        let listed = try weir("table", "snapshots", "shop.people", "-o", "json")
        #expect(listed.status == 0, "\(listed.errors)")
        let times = try listed.lines.map { line in
            let row = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return try Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(
                #require(row["committed_at"] as? String)
            )
        }
        return try #require(times.max())
    }

    /// What 'weir why-late' says of the table.
    private static func lateness(_ weir: WeirBinary) throws -> [String: Any] {
        let told = try weir("why-late", "shop.people", "--topology", "people.yaml", "-o", "json")
        #expect(told.status == 0, "\(told.errors)")
        return try #require(JSONSerialization.jsonObject(with: Data(told.output.utf8)) as? [String: Any])
    }

    @Test(arguments: SeededGenerator.seeds(1))
    func `commits go on when the wall clock steps by an hour, forward and back`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let weir = try BinaryTests.prepare(folder)
            let time = try FakeTime(folder: folder)
            var live = weir
            live.environment = time.environment
            live.launcher = FakeTime.launcher
            let run = try live.start(["run", "people.yaml", "--quiet"])
            let isUp = try run.waits(seconds: 120) { try weir("table", "describe", "shop.people").status == 0 }
            try #require(isUp, "\(run.errors)")
            var random = SeededGenerator(seed: seed)
            var rows: [Int: String] = [:]
            for (step, hours) in [0, 1, 0, -1, 0].enumerated() {
                try time.set(hours: hours)
                for round in 0..<3 {
                    var records = ""
                    for _ in 0..<20 {
                        let id = Int(random.next() % 40)
                        let isDelete = rows[id] != nil && random.next() % 4 == 0
                        let name = isDelete ? nil : "\(step).\(round).\(random.next() % 1000)"
                        let operation = isDelete ? "d" : rows[id] == nil ? "c" : "u"
                        records += BinaryTests.record(id, name, operation: operation)
                        rows[id] = name
                    }
                    let appended = try weir("log", "append", "people", input: records)
                    #expect(appended.status == 0, "\(appended.errors)")
                    let isThere = try run.waits(seconds: 120) { try BinaryTests.rows(weir) == rows }
                    let what = "seed \(seed), round \(round) with the clock \(hours) h off"
                    try #require(isThere, "\(what): \(run.errors)")
                }
                // Base follows, and nothing is told to wait.
                let isInBase = try run.waits(seconds: 120) {
                    try Self.lateness(weir)["commits_not_in_base"] as? Int == 0
                }
                let lateness = try Self.lateness(weir)
                try #require(isInBase, "the clock \(hours) h off: \(lateness), \(run.errors)")
                #expect(lateness["waiting_records"] as? Int == 0 && lateness["base_behind_ms"] as? Int == nil)
                // After the step forward, a commit is never older than the one before it, whatever the clock shows.
                let isAhead = try Self.newestCommit(weir) > Date() + 1800
                #expect(isAhead == (step > 0), "the clock \(hours) h off")
            }
            run.signal(SIGTERM)
            let end = run.finish(seconds: 120)
            #expect(end.status == 0, "\(end.errors)")
            #expect(try BinaryTests.rows(weir) == rows, "seed \(seed), after the end")
        }
    }
}

extension WeirBinary.Running {
    /// Polls until the condition holds. False when the process is gone or the time is over.
    fileprivate func waits(seconds: Double, until isSo: () throws -> Bool) throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while try !isSo() {
            if ContinuousClock.now > end || !process.isRunning { return false }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return true
    }
}
