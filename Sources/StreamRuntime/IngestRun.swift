import Bytes
import ChangeEvents
import EventLog
import MixedTables
import ObjectStorage
import Synchronization

/// Runs a topology: reads its sources, writes its tables, commits rows and positions together.
///
/// ```
/// reader thread    read → decode → transform ─┐ bytes budget
/// caller's thread                             └→ join → LogStore ─┐ bytes budget
/// file thread                                                     └→ split by node → Parquet ─┐ one epoch at a time
/// commit thread                                               dead letters → append + positions ←┘
/// base thread      base store ← rows, position deletes ← changes of commits
/// ```
/// Nothing waits for the base thread (`BaseRefresher`), which has less priority and goes on over generations.
/// After any end (stop, failure, kill) the next run continues after the last commit of each table.
///
/// Where sources are shared by a group, a run is a sequence of generations, in each of which this process reads a fixed
/// set of partitions that it has claimed in every table.
public final class IngestRun: @unchecked Sendable {
    let plan: IngestPlan
    let files: any FileSystem
    let deadLetterPath: String
    let clock: RunClock
    /// The wall clock, milliseconds since 1970.
    let nowMilliseconds: @Sendable () -> Int64
    private let stopFlag = Atomic<Bool>(false)
    let counters = Mutex(IngestProgress())
    let runState = Mutex(RunState())
    let readPositions = ReadPositions()
    let onProgress: @Sendable (IngestProgress) -> Void
    private let onWarning: @Sendable (String) -> Void
    let outages: SourceOutages
    /// Used by the thread that reads.
    let decoding: RecordDecoding
    private let letterNotices: Mutex<LetterNotices>
    private let folders: KeyIndexFolders?
    /// Moves committed changes into the base stores.
    let base: BaseRefresher
    let keeper: TableKeeper
    /// Used by the running thread.
    let memory: RunMemory
    /// How often each partition was suspected since the last record came. Used by the running thread.
    var suspicions: (records: Int, times: [TopicPartition: Int]) = (0, [:])

    /// - Parameters:
    ///   - deadLetterPath: the file for dead letters.
    ///   - stateFolder: where key indexes are besides memory, a folder of the local disk that only this process uses;
    ///     nil for nowhere.
    ///   - clock: for periods and timeouts.
    ///   - onProgress: called by the writing thread a few times a second.
    ///   - onWarning: called with messages for the user while the run goes on, most messages only once.
    ///   - nowMilliseconds: the wall clock, milliseconds since 1970; nil for the system's.
    public init(
        _ plan: IngestPlan,
        deadLetterPath: String,
        stateFolder: String? = nil,
        files: any FileSystem = LocalFileSystem(),
        clock: RunClock = .system,
        onProgress: @escaping @Sendable (IngestProgress) -> Void = { _ in },
        onWarning: @escaping @Sendable (String) -> Void = { _ in },
        nowMilliseconds: (@Sendable () -> Int64)? = nil
    ) {
        self.plan = plan
        self.deadLetterPath = deadLetterPath
        self.files = files
        self.clock = clock
        let nowMilliseconds = nowMilliseconds ?? WallClock.milliseconds
        self.nowMilliseconds = nowMilliseconds
        self.onProgress = onProgress
        self.onWarning = onWarning
        outages = SourceOutages(plan, clock: clock, onNotice: onWarning)
        let (route, targets) = (plan.route, plan.targets)
        let notices = RecordNotices(route: { route($0).map { targets[$0].name } }, tell: onWarning)
        decoding = RecordDecoding(plan, notices)
        letterNotices = Mutex(LetterNotices(path: deadLetterPath))
        let folders = stateFolder.map { KeyIndexFolders($0, memory: plan.stateMemory, files: files) }
        self.folders = folders
        var states: [String: KeyIndexState] = [:]
        let written = targets.filter(\.isReached).map { ($0.name, $0.table) }
        for (name, table) in written + plan.joins.map({ ($0.name, $0.table) }) {
            guard let folders, table.isKeyed else { continue }
            states[name] = KeyIndexState(
                folders.path(ofWriter: name),
                memory: folders.memory,
                files: files,
                clock: clock
            ) { if case .failed(let error) = $0 { onWarning(KeyIndexWatch.failure(error, of: name)) } }
        }
        memory = RunMemory(states: states)
        base = BaseRefresher(
            plan.materialized,
            clock: clock,
            folders: folders,
            nowMilliseconds: nowMilliseconds,
            onWarning: onWarning
        )
        keeper = TableKeeper(
            plan.kept,
            clock: clock,
            nowMilliseconds: nowMilliseconds,
            onWarning: onWarning
        )
    }

    private static let warningsMax = 1000

    /// - Parameter again: whether a message that was sent before is sent again.
    func warn(_ text: String, again: Bool = false) {
        let isNew = counters.withLock { counts in
            // Bounded, since a run may go on for months.
            guard counts.warnings.count < Self.warningsMax else { return !counts.warnings.contains(text) }
            return counts.warnings.insert(text).inserted
        }
        if isNew || again { onWarning(text) }
    }

    /// Reports a dead letter, or counts it for the next report.
    ///
    /// - Parameter isOld: whether the file has it from an earlier read.
    func tell(_ letter: DeadLetter, isOld: Bool) {
        let (text, records) = letterNotices.withLock { ($0.take(letter, isOld: isOld, at: clock.now), $0.records) }
        counters.withLock { $0.refused = records }
        if let text { onWarning(text) }
    }

    /// Reports dead letters that were counted and not reported, when the next report is due.
    func tellOfLetters() {
        if let text = letterNotices.withLock({ $0.due(at: clock.now) }) { onWarning(text) }
    }

    /// Asks the run to commit what it has read and to end. Safe to call from a signal source, and more than once.
    public func stop() { stopFlag.store(true, ordering: .relaxed) }

    var isStopping: Bool { stopFlag.load(ordering: .relaxed) }

    public var progress: IngestProgress { counters.withLock { $0 } }

    /// Runs until stopped or, if asked to, until every source is read to its end; returns the final counts.
    ///
    /// Blocks. Fails on the first error that it cannot handle without guessing; earlier commits remain.
    @discardableResult
    public func run(untilCaughtUp: Bool) throws(WeirError) -> IngestProgress {
        let names = plan.targets.map(\.name) + plan.joins.map(\.name)
        folders?.removeAll(but: names)
        defer { folders?.removeAll(but: names) }
        base.start()
        keeper.begin()
        defer { keeper.end() }
        do throws(WeirError) {
            let progress = try runGenerations(untilCaughtUp: untilCaughtUp)
            try base.finish(isComplete: untilCaughtUp) { [self] in isStopping }
            return progress
        } catch {
            base.cancel()
            for table in plan.targets.map(\.table) + plan.joins.map(\.table) {
                if let dropped = DroppedTable.error(table, topology: plan.topology) { throw dropped }
            }
            throw error
        }
    }

    private func runGenerations(untilCaughtUp: Bool) throws(WeirError) -> IngestProgress {
        let groups = try SourceGroups(plan, clock: clock) { [self] in warn($0) }
        defer {
            memory.end()
            groups.leave()
        }
        if groups.isEmpty {
            while try runGeneration(groups, assigned: [], untilCaughtUp: untilCaughtUp) == .logsChanged {}
            return progress
        }
        runState.withLock { $0.phase = .awaitingPartitions }
        while let assigned = try groups.assignment(awaitsTopics: !untilCaughtUp, unless: { isStopping }) {
            counters.withLock { $0.generations += 1 }
            var isOver = false
            do throws(WeirError) {
                isOver = try runGeneration(groups, assigned: assigned, untilCaughtUp: untilCaughtUp) == .finished
            } catch {
                // Another process has taken over partitions because this one was too slow: it reads what this one had
                // not committed.
                guard error.code == .fenced else { throw error }
                counters.withLock { $0.fenced += 1 }
                onProgress(progress)
                try groups.awaitChange(unless: { isStopping })
            }
            runState.withLock { $0.phase = .awaitingPartitions }
            try groups.endGeneration()
            if isOver { break }
        }
        return progress
    }
}

/// Counts of a run so far.
public struct IngestProgress: Sendable, Equatable {
    /// Records read from the sources.
    public var records = 0
    /// Rows made visible, by table.
    public var inserts = 0
    public var deletes = 0
    /// Deletes that the source sent of keys that the table does not hold.
    public var redundantDeletes = 0
    /// New rows that a transform's filter or an inner join left out, counted for each table.
    public var filtered = 0
    public var commits = 0
    /// Commits that were tried again because others had changed one of the tables first.
    public var retries = 0
    public var deadLetters = 0
    /// Records left out because no route matches their source table, and the identifiers of those tables.
    public var unrouted = 0
    public var unroutedTables: Set<String> = []
    /// Records of the source's own that carry no row, such as heartbeats, and records without a value.
    public var withoutRows = 0
    public var tombstones = 0
    /// Approximate number of records that became dead letters: at least one table rejected a row of them.
    public var refused = 0
    /// Times this process was assigned partitions, and times it lost them before it had committed.
    public var generations = 0
    public var fenced = 0
    /// Keys and dimension rows that were read from tables to start generations.
    public var loadedRows = 0
    /// Messages for the user.
    public var warnings: Set<String> = []

    public init() {}

    /// Whether there were records with rows, and each of them became a dead letter.
    public var isAllRefused: Bool {
        let withRows = records - unrouted - withoutRows - tombstones
        return refused > 0 && refused >= withRows && inserts == 0 && deletes == 0
    }

    mutating func add(_ changes: SourceReader.Changes) {
        records += changes.records
        unrouted += changes.unrouted
        // Bounded, since a run may go on for months.
        if unroutedTables.count < Self.namesMax { unroutedTables.formUnion(changes.unroutedTables) }
        withoutRows += changes.withoutRows
        tombstones += changes.tombstones
        filtered += changes.filtered
    }

    private static let namesMax = 1000

    mutating func add(_ job: EpochCommitter.Job, letters: Int, retries: Int) {
        self.retries += retries
        for epoch in job.cuts.map(\.epoch) where !epoch.isEmpty {
            commits += 1
            inserts += epoch.summary.inserts
            deletes += epoch.summary.deletes
            redundantDeletes += epoch.summary.redundantDeletes
        }
        deadLetters = letters
    }
}
