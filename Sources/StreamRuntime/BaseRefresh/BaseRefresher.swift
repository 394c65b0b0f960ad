import Bytes
import Foundation
import MixedTables

/// Moves the changes that a run commits into the base stores of its tables, on its own thread.
///
/// Tables that keep up are moved in one commit, so that their base stores show the same epoch. A table that lags behind
/// takes steps of its own and does not hold up the others.
///
/// Epochs never wait for it: it falls behind when the machine has more to do, and catches up in larger slices. It goes
/// on over the generations of a run, since what it knows of the tables does not depend on partitions. Several processes
/// may do the same for one table: whoever commits first has done it for the others.
final class BaseRefresher: @unchecked Sendable {
    private let names: [String]
    private let clock: RunClock
    private let nowMilliseconds: @Sendable () -> Int64
    private let onWarning: @Sendable (String) -> Void
    /// How long the end of a run waits for the last changes to be moved, and how much longer for the thread to notice.
    private let endTime: Duration
    private let patience: Duration
    /// How long the end of a run waits until the key indexes are saved.
    private static let saveTime = Duration.seconds(10)
    private let indexes: KeyIndexWatch
    private let condition = Condition()
    // Used by the thread.
    private let materializers: [Materializer]
    private var told: [String?]
    private var toldOfSnapshots: SnapshotNotice
    private var toldOfOthers = BaseNeighbourNotices()
    private var optimizing: BaseOptimizing
    /// When the key index of each table is saved next.
    private var saves: [RunClock.Instant]
    // Protected by `condition`.
    private var schedule: RefreshSchedule
    /// Tables whose last step has left nothing to move.
    private var keepsUp: [Bool]
    private var mode = Mode.running
    private var isAlive = false
    private var failure: WeirError?
    private var known: [MaterializeBacklog]
    private var optimized: [String: OptimizingProgress] = [:]
    /// Whether a table's changes are only moved now and then, because its properties say so.
    private var isSpaced: [Bool]
    /// When saving the key indexes at the end is given up; nil before it begins.
    private var saveDeadline: RunClock.Instant?

    private enum Mode: Equatable {
        case running
        /// Moves what is left and ends. After the deadline the rest is left to the next run.
        case ending(RunClock.Instant?)
        case cancelled
    }

    /// Bytes of change files that one commit moves. Fewer after others came first: what is done sooner is not outrun.
    private static let sliceBytes: Int64 = 64 << 20
    private static let sliceBytesMin: Int64 = 1 << 20
    /// Bytes of base files that one commit may write again on the way.
    private static let rewriteBytes: Int64 = 128 << 20
    /// Attempts of the last changes that others may outrun.
    private static let attemptsMax = 30
    /// Steps that were outrun in a row before the run says so.
    private static let outrunMax = 10
    /// How often key indexes are saved, for a process that is killed; less often while much is to do.
    private static let saveEvery = (calm: Duration.seconds(300), busy: Duration.seconds(1800))

    /// - Parameters:
    ///   - tables: keyed tables that the run writes.
    ///   - folders: where key indexes are besides memory; nil for nowhere.
    ///   - endTime: how long the end of a run waits for the last changes to be moved.
    ///   - patience: how much longer it waits for a step that does not end by itself, such as one whose disk is slow.
    ///   - snapshotsMax: above this many snapshots of base the run says what keeps them from expiring.
    ///   - nowMilliseconds: the wall clock, milliseconds since 1970.
    init(
        _ tables: [(name: String, table: MixedTable)],
        clock: RunClock,
        folders: KeyIndexFolders? = nil,
        endTime: Duration = .seconds(3),
        patience: Duration = .seconds(2),
        snapshotsMax: Int = 1000,
        nowMilliseconds: @escaping @Sendable () -> Int64 = WallClock.milliseconds,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        names = tables.map(\.name)
        let indexes = KeyIndexWatch(onWarning: onWarning)
        self.indexes = indexes
        materializers = tables.map { name, table in
            let state = folders.map { folders in
                KeyIndexState(
                    folders.path(of: name),
                    memory: folders.memory,
                    files: folders.files,
                    clock: clock
                ) { indexes.take($0, of: name) }
            }
            return Materializer(table, state: state)
        }
        saves = Array(repeating: clock.now, count: tables.count)
        told = Array(repeating: nil, count: tables.count)
        known = Array(repeating: MaterializeBacklog(), count: tables.count)
        isSpaced = Array(repeating: false, count: tables.count)
        keepsUp = Array(repeating: false, count: tables.count)
        self.endTime = endTime
        self.patience = patience
        toldOfSnapshots = SnapshotNotice(snapshotsMax: snapshotsMax)
        schedule = RefreshSchedule(tables: tables.count, at: clock.now)
        self.clock = clock
        self.nowMilliseconds = nowMilliseconds
        self.onWarning = onWarning
        optimizing = BaseOptimizing(
            tables.map(\.name),
            clock: clock,
            nowMilliseconds: nowMilliseconds,
            onEnd: { [condition] in condition.locked { condition.broadcast() } }
        )
    }

    func start() {
        if names.isEmpty { return }
        mode = .running
        isAlive = true
        let thread = Thread { [self] in
            // Reading and committing come first when there are too few processors.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            run()
            condition.locked {
                isAlive = false
                condition.broadcast()
            }
        }
        thread.name = "weir-base"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// The run has committed changes to a table.
    func committed(_ name: String) {
        guard let table = names.firstIndex(of: name) else { return }
        let now = nowMilliseconds()
        condition.locked {
            // A step may take long, or fail before it has looked: what waits for it is known all the same.
            if !isSpaced[table] { known[table].note(commitAt: now) }
            schedule.want(table)
            condition.broadcast()
        }
    }

    /// What base lacks of each table's changes, as of the last look at it and the commits since.
    var backlogs: [String: MaterializeBacklog] {
        let known = condition.locked { self.known }
        return Dictionary(zip(names, known)) { first, _ in first }
    }

    /// What was done to optimize tables.
    var optimizingProgress: [String: OptimizingProgress] { condition.locked { optimized } }

    /// The key indexes of tables whose keys are known.
    var keyIndexes: [String: KeyIndexReport] { indexes.all }

    /// Whether the thread runs.
    var isAtWork: Bool { condition.locked { isAlive } }

    /// Moves what is left, and ends the thread.
    ///
    /// - Parameters:
    ///   - isComplete: whether to wait until base has everything, and to fail when that is not possible. If not, it
    ///     takes a few seconds at most. A step that does not end in time is left alone, which is as safe as a crash.
    ///   - isStopping: called periodically; once it is true, a complete end becomes a short one.
    func finish(isComplete: Bool, isStopping: () -> Bool) throws(WeirError) {
        let endsEarly = !isComplete || isStopping()
        condition.locked {
            mode = .ending(endsEarly ? clock.now + endTime : nil)
            condition.broadcast()
        }
        awaitEnd { [self] in
            if mode == .ending(nil), isStopping() { mode = .ending(clock.now + endTime) }
            guard case .ending(let deadline?) = mode else { return nil }
            return max(deadline, saveDeadline ?? deadline) + patience
        }
        if isComplete, let failure = condition.locked({ failure }) { throw failure }
    }

    /// Ends the thread; nothing more is moved.
    func cancel() {
        condition.locked {
            mode = .cancelled
            condition.broadcast()
        }
        let deadline = clock.now + endTime
        awaitEnd { [self] in max(deadline, saveDeadline ?? deadline) + patience }
    }

    /// Waits for the thread, but not longer than until a time that may change.
    private func awaitEnd(until deadline: () -> RunClock.Instant?) {
        let isLeft = condition.locked {
            while isAlive {
                if let deadline = deadline(), clock.now >= deadline { return true }
                condition.wait(atMost: .milliseconds(50))
            }
            return false
        }
        if isLeft {
            onWarning("what moves changes into base does not end and is left alone; the next run goes on with it")
        }
    }

    // MARK: The thread

    private func run() {
        while let tables = awaitTurn() {
            commitRewrite()
            let outcomes = tables.count > 1 ? step(tables) : tables.map { step($0) }
            let intervals = tables.map { interval(of: $0) }
            condition.locked {
                let now = clock.now
                for (index, table) in tables.enumerated() {
                    isSpaced[table] = intervals[index] != nil
                    keepsUp[table] = outcomes[index] == .caughtUp
                    schedule.finished(table, outcomes[index], interval: intervals[index] ?? .zero, at: now)
                }
            }
            for (index, table) in tables.enumerated() where outcomes[index] == .caughtUp { beginRewrite(of: table) }
            for materializer in materializers {
                let index = materializer.keyBytes.memory
                materializer.settleMoves(merges: Self.settledParts, beyond: max(Self.mapBytes, index / 8))
                materializer.trimKeys()
            }
            for (index, table) in tables.enumerated() { saveKeysIfDue(of: table, isCalm: outcomes[index] == .caughtUp) }
        }
        optimizing.end(materializers, within: patience)
        if case .ending = condition.locked({ mode }) { moveRest() }
        saveAllKeys()
    }

    private func moveRest() {
        let level = condition.locked { names.indices.filter { keepsUp[$0] } }
        // What this leaves is moved table by table.
        if level.count > 1 { _ = try? advance(level) }
        for table in names.indices { moveRest(of: table) }
    }

    // MARK: Key indexes

    private func saveKeysIfDue(of table: Int, isCalm: Bool) {
        let now = clock.now
        let late = Self.saveEvery.busy - Self.saveEvery.calm
        guard now >= (isCalm ? saves[table] : saves[table] + late) else { return }
        let hasKeys = materializers[table].saveKeys { () throws(WeirError) in
            guard condition.locked({ mode == .running }) else { throw WeirError(.cancelled, "the run ends") }
        }
        if hasKeys { saves[table] = now + Self.saveEvery.calm }
    }

    private func saveAllKeys() {
        let deadline = clock.now + Self.saveTime
        condition.locked { saveDeadline = deadline }
        for table in names.indices {
            materializers[table].saveKeys { () throws(WeirError) in
                // A complete end waits until they are saved, unless the user stops it.
                if condition.locked({ mode == .ending(nil) }) { return }
                guard clock.now < deadline else { throw WeirError(.cancelled, "the run ends") }
            }
            materializers[table].end()
        }
    }

    // MARK: Optimizing

    /// Parts of the key index in which moved rows get their new places after each step.
    private static let settledParts = 8
    /// Bytes that the maps of rewrites may always take. Beyond an eighth of the index they are made part of it.
    private static let mapBytes = 8 << 20

    private func commitRewrite() {
        guard let (table, notice) = optimizing.commitDone(materializers, check: { () throws(WeirError) in try check() })
        else { return }
        if let notice { onWarning(notice) }
        let progress = optimizing.progress
        condition.locked {
            optimized = progress
            schedule.want(table)
        }
    }

    private func beginRewrite(of table: Int) {
        guard condition.locked({ mode == .running }) else { return }
        if let notice = optimizing.beginIfDue(table, materializers[table]) { onWarning(notice) }
    }

    // MARK: Turns

    /// The next table, or those that keep up; nil when the run ends.
    private func awaitTurn() -> [Int]? {
        condition.locked {
            while mode == .running {
                if let tables = schedule.next(at: clock.now, keepsUp: { keepsUp[$0] }) { return tables }
                if optimizing.hasResult { return [] }
                guard let time = schedule.nextTime else { return nil }
                if let wait = clock.sleep(until: time) { condition.wait(atMost: wait) }
            }
            return nil
        }
    }

    private func step(_ table: Int) -> RefreshSchedule.Outcome {
        do throws(WeirError) {
            let misses = condition.locked { schedule.misses(of: table) }
            return outcome(try advance(table, misses: misses), of: table, misses: misses)
        } catch {
            if error.code == .cancelled { return .advanced }
            warn(table, error)
            return .failed
        }
    }

    /// Moves tables that keep up in one commit. Those that do not any more take steps of their own next.
    private func step(_ tables: [Int]) -> [RefreshSchedule.Outcome] {
        // Why a commit of all fails, the step of the table it fails for tells.
        guard let results = try? advance(tables) else { return tables.map { _ in .advanced } }
        return zip(tables, results).map { table, result in
            switch result {
            case .done(let step): return outcome(step, of: table, misses: 0)
            case .lags: return .advanced
            case .failed(let error):
                warn(table, error)
                return .failed
            }
        }
    }

    private func outcome(_ step: Materializer.Step, of table: Int, misses: Int) -> RefreshSchedule.Outcome {
        switch step {
        case .caughtUp, .awaitsTransaction, .foreignOptimizer:
            told[table] = nil
            return .caughtUp
        case .merged(let merge):
            told[table] = nil
            tellOfSnapshots(of: table)
            return merge.isLast ? .caughtUp : .advanced
        case .outrun:
            if misses + 1 >= Self.outrunMax {
                warn(table, WeirError(.conflict, "other writers' commits to it always come first"))
            }
            return .outrun
        case .held: return .held
        }
    }

    private func advance(_ tables: [Int]) throws(WeirError) -> [Materializer.CommonStep] {
        let hasTime = condition.locked { mode == .running || mode == .ending(nil) }
        let results = try Materializer.stepTogether(
            tables.map { materializers[$0] },
            bytesMax: Self.sliceBytes,
            rewriteBytes: hasTime ? Self.rewriteBytes : 0,
            nowMilliseconds: nowMilliseconds(),
            check: { () throws(WeirError) in try check() },
            onBacklog: { index, backlog in condition.locked { known[tables[index]] = backlog } }
        )
        for case (let table, .done(let step)) in zip(tables, results) { tellOfOthers(table, step) }
        return results
    }

    private func advance(_ table: Int, misses: Int) throws(WeirError) -> Materializer.Step {
        // Rewriting makes a step longer: not when others were faster, nor when the run is about to end.
        let hasTime = condition.locked { mode == .running || mode == .ending(nil) }
        let result = try materializers[table].step(
            bytesMax: max(Self.sliceBytesMin, Self.sliceBytes >> min(misses, 10)),
            rewriteBytes: misses == 0 && hasTime ? Self.rewriteBytes : 0,
            nowMilliseconds: nowMilliseconds(),
            check: { () throws(WeirError) in try check() },
            onBacklog: { backlog in condition.locked { known[table] = backlog } }
        )
        tellOfOthers(table, result)
        return result
    }

    /// Ends a step once the run has no time for it.
    private func check() throws(WeirError) {
        let isOver = condition.locked {
            switch mode {
            case .running: false
            case .ending(let deadline): deadline.map { clock.now >= $0 } ?? false
            case .cancelled: true
            }
        }
        if isOver { throw WeirError(.cancelled, "the run ends") }
    }

    private func moveRest(of table: Int) {
        var attempts = 0
        do throws(WeirError) {
            while true {
                try check()
                switch try advance(table, misses: attempts) {
                case .caughtUp, .awaitsTransaction, .foreignOptimizer: return
                case .merged: attempts = 0
                case .held: clock.pause(for: .milliseconds(100))
                case .outrun:
                    attempts += 1
                    guard attempts < Self.attemptsMax else {
                        throw WeirError(
                            .conflict,
                            "other writers' commits to the base store came first \(attempts) times in a row",
                            advice: "the changes are read from the change store until a run moves them"
                        )
                    }
                    clock.pause(for: .milliseconds(20 * attempts))
                }
            }
        } catch {
            if error.code == .cancelled { return }
            condition.locked { failure = failure ?? error.located(at: "base store of \(names[table])") }
            warn(table, error)
        }
    }

    private func tellOfOthers(_ table: Int, _ step: Materializer.Step) {
        for text in toldOfOthers.next(names[table], step, returnedRows: materializers[table].returnedRows) {
            onWarning(text)
        }
    }

    /// Says what keeps a table from being brought up to date, once until it is another reason.
    private func warn(_ table: Int, _ error: WeirError) {
        let location = error.location.map { " (\($0))" } ?? ""
        let text =
            "the base store of \(names[table]) falls behind its changes: \(error.message)\(location). Nothing is lost, and "
            + "Weir's own readers are not affected"
        if told[table] == text { return }
        told[table] = text
        onWarning(text)
    }

    private func tellOfSnapshots(of table: Int) {
        let metadata = materializers[table].table.base.metadata
        for text in toldOfSnapshots.next(names[table], metadata) { onWarning(text) }
    }

    private static let intervalProperty = "base.refresh-interval"

    /// `base.refresh-interval` of a table; nil when changes are moved after every commit.
    private func interval(of table: Int) -> Duration? {
        guard let text = materializers[table].table.properties[Self.intervalProperty], let number = Int64(text),
            number > 0
        else { return nil }
        return .milliseconds(number)
    }
}
