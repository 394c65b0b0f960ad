import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Synchronization
import Testing
import WeirTesting

/// Another engine commits to the table of a process, at each step of it in turn or at all of them: the process makes
/// progress after few attempts, and gives up rather than loop.
@Suite(.hangGuard) struct CommitAtEveryStepTests {
    enum Work: CaseIterable { case ingest, materialize, optimize }

    /// The other engine, on a storage of its own.
    private final class Neighbour: Sendable {
        private let folder: String
        /// It has enough then.
        private let commitsMax: Int
        private let state = Mutex<(commits: Int, rows: [ModelRow: ModelRow], failures: [String])>((0, [:], []))

        init(_ folder: String, commitsMax: Int = .max) { (self.folder, self.commitsMax) = (folder, commitsMax) }

        var commits: Int { state.withLock { $0.commits } }
        /// The rows that it has added, by key.
        var rows: [ModelRow: ModelRow] { state.withLock { $0.rows } }
        var failures: [String] { state.withLock { $0.failures } }

        func commit(_ kind: Int) {
            let number = state.withLock { state in
                state.commits += state.commits < commitsMax ? 1 : 0
                return state.commits
            }
            if number == commitsMax { return }
            do {
                let table = try MixedTable.load(
                    OptimizeCrashTests.identifier,
                    from: OptimizeCrashTests.catalog(folder, FaultyFileSystem())
                )
                var transaction = Transaction(kind % 3 == 0 ? try #require(table.change) : table.base)
                if kind % 3 == 1 {
                    let row: ModelRow = [.string("other \(number)"), .date(1), .long(Int64(number))]
                    let path = "\(table.base.dataLocation)/\(UUID().uuidString).parquet"
                    let writer = try ParquetFileWriter(schema: table.base.schema, to: table.base.storage.create(path))
                    try writer.write(.rows([row], table.base.schema))
                    transaction.append([DataFile(parquet: path, try writer.finish())])
                    state.withLock { $0.rows[Array(row.prefix(2))] = row }
                } else {
                    transaction.setProperties(["other": String(number)])
                }
                _ = try transaction.commit()
            } catch {
                state.withLock { $0.failures.append("\(error)") }
            }
        }
    }

    /// Does the work once. False when another commit came first.
    private static func attempt(_ work: Work, _ table: MixedTable, _ epoch: Epoch) throws -> Bool {
        switch work {
        case .ingest:
            let known = PositionLedger(["t": [0: 3]])
            _ = try table.commit(epoch, topology: "model", from: known, to: PositionLedger(["t": [0: 4]]))
            return true
        case .materialize:
            let materializer = Materializer(table)
            while true {
                switch try materializer.step(bytesMax: 1, rewriteBytes: .max, nowMilliseconds: 2) {
                case .caughtUp: return true
                case .outrun: return false
                default: continue
                }
            }
        case .optimize:
            do throws(WeirError) {
                _ = try FullOptimize(table, nowMilliseconds: 2).run()
                return true
            } catch {
                guard error.code == .conflict else { throw error }
                return false
            }
        }
    }

    private struct Process {
        let files = FaultyFileSystem()
        let table: MixedTable
        let epoch: Epoch
        var history: ChangeHistory
        /// The first step of the end of the epoch.
        let begin: Int

        /// A process with an epoch that is ready.
        ///
        /// - Parameter prepare: called before the epoch ends.
        init(_ folder: String, formatVersion: Int, prepare: (FaultyFileSystem) -> Void = { _ in }) throws {
            history = try OptimizeCrashTests.prepare(.wideKey, in: folder, formatVersion: formatVersion).history
            table = try MixedTable.load(OptimizeCrashTests.identifier, from: OptimizeCrashTests.catalog(folder, files))
            let writer = try KeyedTableWriter(table)
            _ = try writer.write(history.next(10))
            begin = files.steps
            prepare(files)
            epoch = try writer.cut()
        }

        /// The rows with everything done, beside those of the neighbour.
        func check(_ work: Work, _ neighbour: Neighbour, _ what: String) throws {
            #expect(neighbour.failures == [], "\(what)")
            var now = try table.refreshed()
            if work != .ingest { _ = try CommitAtEveryStepTests.attempt(.ingest, now, epoch) }
            now = try table.refreshed()
            let wanted = history.state.merging(neighbour.rows) { $1 }
            let (rows, doubled) = try contents(MergeOnReadScan(now), history)
            #expect(rows == wanted && doubled.isEmpty, "\(what)")
            let materializer = Materializer(now)
            while try materializer.step(nowMilliseconds: 3) != .caughtUp {}
            let base = try MaterializeModelTests.base(now.refreshed(), history)
            #expect(base.rows == wanted && base.doubled.isEmpty, "base alone, \(what)")
            try LineageOracle.checkDeletes(now.refreshed().base, what)
        }
    }

    @Test(arguments: Work.allCases, [2, 3])
    func `a commit at any step is met by one attempt more at most`(work: Work, formatVersion: Int) throws {
        let range = try withTemporaryFolder { folder in
            let process = try Process(folder, formatVersion: formatVersion)
            let start = work == .ingest ? process.begin : process.files.steps
            #expect(try Self.attempt(work, process.table, process.epoch))
            return start..<process.files.steps
        }
        #expect(range.count > 5)
        var again = 0
        for step in stride(from: range.lowerBound, to: range.upperBound, by: Soak.stride(6)) {
            // Each kind of commit comes at steps of its own, unless no step is skipped.
            for kind in 0..<3 where Soak.factor > 1 || (step / 6 + kind) % 2 == 0 {
                try withTemporaryFolder { folder in
                    let neighbour = Neighbour(folder)
                    let process = try Process(folder, formatVersion: formatVersion) { files in
                        files.interrupt(before: step + (Soak.factor > 1 ? 0 : 2 * kind)) { neighbour.commit(kind) }
                    }
                    var attempts = 1
                    while try !Self.attempt(
                        work,
                        attempts == 1 ? process.table : process.table.refreshed(),
                        process.epoch
                    ) {
                        attempts += 1
                    }
                    process.files.endInterruptions()
                    let what = "\(work), a commit of kind \(kind) at step \(step) of \(range)"
                    #expect(attempts <= 2, "\(what)")
                    again += attempts - 1
                    try process.check(work, neighbour, what)
                }
            }
        }
        print("commits at each step of \(work), version \(formatVersion): \(range.count) steps, \(again) more attempts")
    }

    @Test(arguments: Work.allCases) func `commits at all steps are given way to, and never looped with`(work: Work)
        throws
    {
        try withTemporaryFolder { folder in
            let neighbour = Neighbour(folder, commitsMax: 100)
            let process = try Process(folder, formatVersion: 2) { files in
                files.interrupt(before: nil) { neighbour.commit(2) }
            }
            var isDone = false
            do {
                isDone = try Self.attempt(work, process.table, process.epoch)
            } catch let error as WeirError {
                #expect(error.code == .conflict, "\(error)")
            }
            let attempted = process.files.steps - process.begin
            process.files.endInterruptions()
            print("commits at all steps of \(work): \(attempted) steps, \(neighbour.commits) commits, done: \(isDone)")
            // An epoch must be committed, and is once the others pause. Moving and optimizing give up before, and come back.
            #expect(isDone || work != .ingest && neighbour.commits < 100, "\(work), after \(attempted) steps")
            while !isDone { isDone = try Self.attempt(work, process.table.refreshed(), process.epoch) }
            try process.check(work, neighbour, "\(work)")
        }
    }
}
