import Bytes
import ChangeEvents
import Columnar
import EventLog
import Foundation
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
/// ```
/// Starting again after any end — stop, failure, kill — goes on behind the last commit of each table.
///
/// Where sources are shared by a group, a run is a sequence of generations, in each of which this process reads a fixed
/// set of partitions that it has claimed in every table.
public final class IngestRun: @unchecked Sendable {
    let plan: IngestPlan
    private let files: any FileSystem
    private let deadLetterPath: String
    private let stopFlag = Atomic<Bool>(false)
    private let counters = Mutex(IngestProgress())
    private let onProgress: @Sendable (IngestProgress) -> Void
    private let onWarning: @Sendable (String) -> Void
    private let outages: SourceOutages
    /// Used by the thread that reads.
    private let decoding: RecordDecoding
    private let letterNotices: Mutex<LetterNotices>
    /// How often each partition was suspected since the last record came. Used by the running thread.
    var suspicions: (records: Int, times: [TopicPartition: Int]) = (0, [:])

    /// - Parameters:
    ///   - deadLetterPath: the file that takes what cannot be taken in.
    ///   - onProgress: called by the writing thread a few times a second.
    ///   - onWarning: told once of each thing that somebody should know while the run goes on.
    public init(
        _ plan: IngestPlan,
        deadLetterPath: String,
        files: any FileSystem = LocalFileSystem(),
        onProgress: @escaping @Sendable (IngestProgress) -> Void = { _ in },
        onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.plan = plan
        self.deadLetterPath = deadLetterPath
        self.files = files
        self.onProgress = onProgress
        self.onWarning = onWarning
        outages = SourceOutages(plan, onNotice: onWarning)
        let (route, targets) = (plan.route, plan.targets)
        let notices = RecordNotices(route: { route($0).map { targets[$0].name } }, tell: onWarning)
        decoding = RecordDecoding(plan, notices)
        letterNotices = Mutex(LetterNotices(path: deadLetterPath))
    }

    private static let warningsMax = 1000

    /// - Parameter again: whether what was told before is told once more.
    func warn(_ text: String, again: Bool = false) {
        let isNew = counters.withLock { counts in
            // A run may go on for months.
            guard counts.warnings.count < Self.warningsMax else { return !counts.warnings.contains(text) }
            return counts.warnings.insert(text).inserted
        }
        if isNew || again { onWarning(text) }
    }

    /// Tells of a dead letter, or counts it for the next time.
    private func tell(_ letter: DeadLetter) {
        let (text, records) = letterNotices.withLock { ($0.take(letter, at: .now), $0.records) }
        counters.withLock { $0.refused = records }
        if let text { onWarning(text) }
    }

    /// Asks the run to commit what it has read and to end. Safe to call from a signal source, and more than once.
    public func stop() { stopFlag.store(true, ordering: .relaxed) }

    public var progress: IngestProgress { counters.withLock { $0 } }

    /// Runs until stopped or, if asked to, until every source is read to its end; returns the final counts.
    ///
    /// Blocks. Fails on the first error that would make going on a guess; what was committed stays.
    @discardableResult
    public func run(untilCaughtUp: Bool) throws(WeirError) -> IngestProgress {
        let groups = try SourceGroups(plan) { [self] in warn($0) }
        defer { groups.leave() }
        let isStopping = { [self] in stopFlag.load(ordering: .relaxed) }
        if groups.isEmpty {
            while try runGeneration(groups, assigned: [], untilCaughtUp: untilCaughtUp) == .logsChanged {}
            return progress
        }
        while let assigned = try groups.assignment(awaitsTopics: !untilCaughtUp, unless: isStopping) {
            counters.withLock { $0.generations += 1 }
            var isOver = false
            do throws(WeirError) {
                isOver = try runGeneration(groups, assigned: assigned, untilCaughtUp: untilCaughtUp) == .finished
            } catch {
                // Another process has gone on where this one was too slow: what it had not committed is theirs now.
                guard error.code == .fenced else { throw error }
                counters.withLock { $0.fenced += 1 }
                onProgress(progress)
                try groups.awaitChange(unless: isStopping)
            }
            try groups.endGeneration()
            if isOver { break }
        }
        return progress
    }

    /// Reads and writes with a fixed set of partitions until stopped, caught up, or the group changes.
    private func runGeneration(
        _ groups: SourceGroups,
        assigned: Set<TopicPartition>,
        untilCaughtUp: Bool
    ) throws(WeirError) -> SourceReader.Ending {
        // With a source that only this process reads, it is the only one that may commit.
        let claimed = plan.sources.allSatisfy { $0.group != nil } ? assigned : nil
        let lettersBefore = progress.deadLetters
        let isStopped = Atomic<Bool>(false)
        let keepsStart = { @Sendable [plan] (topic: String) in
            plan.sources.contains { $0.startup != .earliest && $0.includes(topic) }
        }
        var sinks: [SinkTable] = []
        for target in plan.targets {
            sinks.append(
                try SinkTable(
                    name: target.name,
                    rows: target.outputSchema,
                    table: target.table,
                    topology: plan.topology,
                    partitions: claimed,
                    logStore: target.logStore,
                    sharing: plan.sharing,
                    route: target.isReached ? target.route : nil,
                    keepsStart: keepsStart
                )
            )
        }
        var joins: [JoinStage] = []
        for join in plan.joins {
            let sink = try SinkTable(
                name: join.name,
                rows: join.select.schema,
                table: join.table,
                topology: plan.topology,
                partitions: claimed,
                logStore: join.logStore,
                sharing: plan.sharing,
                route: join.route,
                keepsStart: keepsStart
            )
            sinks.append(sink)
            joins.append(try JoinStage(join, target: plan.targets[join.target].outputSchema, sink: sink))
        }
        // What every table is past does not come again.
        let shareable: [TopicPartition]
        if let claimed {
            shareable = claimed.sorted()
        } else {
            shareable = plan.topics.isEmpty ? [] : try plan.shareablePartitions()
        }
        let topics = try concurrently(plan.topics) { (output) throws(WeirError) in
            try TopicSink(output, partitions: claimed, shareable: shareable)
        }.compactMap(\.self)
        let starts = sinks.map(\.start) + topics.map(\.start)
        let deadLetters = try DeadLetterFile(path: deadLetterPath, files: files) { topic, partition, offset in
            starts.contains { ($0.next(topic: topic, partition: partition) ?? .min) <= offset }
        }
        // One half waits in front of the LogStores, the other in front of the files.
        let queue = BatchQueue<SourceReader.Message>(bytesMax: plan.queueBytes / 2)
        // A table no route leads to holds no reading back.
        let reached = sinks.indices.filter { $0 >= plan.targets.count || plan.targets[$0].isReached }
        let partitions = try SourcePartitions(
            plan,
            start: reached.map { sinks[$0].start } + topics.map(\.start),
            last: reached.map { sinks[$0].lastRecords } + topics.map(\.lastRecords),
            assigned: assigned
        ) { [self] in warn($0) }
        let keepers: [any PositionKeeper] = topics + sinks
        guard partitions.suspected.isEmpty else {
            try settle(partitions.suspected, keepers)
            return .logsChanged
        }
        let ending = Mutex<SourceReader.Ending>(.finished)
        let reader = SourceReader(
            plan,
            partitions: partitions,
            queue: queue,
            decoding: decoding,
            groups: groups,
            outages: outages
        ) { [self] in
            stopFlag.load(ordering: .relaxed) || isStopped.load(ordering: .relaxed)
        }
        let committer = EpochCommitter(
            sinks: sinks,
            topics: topics,
            deadLetters: deadLetters
        ) {
            [self] job, letters in
            counters.withLock { $0.add(job, letters: lettersBefore + letters) }
            groups.offer(job.position.ledger)
        }
        let fileStage = FileStage(
            sinks: sinks,
            topics: topics,
            committer: committer,
            bytesMax: plan.queueBytes / 2,
            onNotice: { [self] in warn($0) }
        )
        let writer = EpochWriter(
            plan: plan,
            start: partitions.startPositions,
            sinks: sinks,
            joins: joins,
            topics: topics,
            queue: queue,
            files: fileStage,
            onBatch: { [self] changes in
                let now = counters.withLock { state in
                    state.add(changes)
                    return state
                }
                onProgress(now)
            },
            onLetter: { [self] in tell($0) }
        )
        committer.start()
        fileStage.start()
        let readerFailure = Mutex<WeirError?>(nil)
        let readerDone = DispatchSemaphore(value: 0)
        let box = ReaderBox(reader)
        let thread = Thread {
            do throws(WeirError) {
                let reason = try box.reader.run(untilCaughtUp: untilCaughtUp)
                ending.withLock { $0 = reason }
            } catch {
                readerFailure.withLock { $0 = error }
            }
            queue.finish()
            readerDone.signal()
        }
        thread.name = "weir-read"
        thread.stackSize = 4 << 20
        thread.start()
        defer {
            // Whatever happened, no thread outlives the run.
            isStopped.store(true, ordering: .relaxed)
            queue.cancel()
            readerDone.wait()
            fileStage.cancel()
            committer.stop()
        }
        do throws(WeirError) {
            try writer.run()
        } catch {
            fileStage.cancel()
            for sink in sinks { sink.abandonFiles() }
            let cause = readerFailure.withLock { $0 } ?? error
            if cause.code == .fenced {
                // Nobody else knows of rows that were written after the partitions were lost.
                committer.stop()
                for sink in sinks { try sink.takeBack() }
            }
            throw cause
        }
        if let failure = readerFailure.withLock({ $0 }) { throw failure }
        try settle(partitions.suspected, keepers)
        return ending.withLock { $0 }
    }

    /// Carries the reader to its thread; nobody else uses it from then on.
    private struct ReaderBox: @unchecked Sendable {
        let reader: SourceReader
        init(_ reader: SourceReader) { self.reader = reader }
    }
}

/// Counts of a run so far.
public struct IngestProgress: Sendable, Equatable {
    /// Records read from the sources.
    public var records = 0
    /// Rows made visible, by table.
    public var inserts = 0
    public var deletes = 0
    public var redundantDeletes = 0
    public var commits = 0
    public var deadLetters = 0
    /// Records left out because no route matches their source table, and the identifiers of those tables.
    public var unrouted = 0
    public var unroutedTables: Set<String> = []
    /// Records of the source's own that carry no row, such as heartbeats, and records without a value.
    public var withoutRows = 0
    public var tombstones = 0
    /// Records that became dead letters, about: of which some table did not take a row.
    public var refused = 0
    /// Times this process was given its share of the partitions, and times it lost it before it had committed.
    public var generations = 0
    public var fenced = 0
    /// What somebody should know, in words.
    public var warnings: Set<String> = []

    /// Whether there were records with rows, and each of them became a dead letter.
    public var isAllRefused: Bool {
        let withRows = records - unrouted - withoutRows - tombstones
        return refused > 0 && refused >= withRows && inserts == 0 && deletes == 0
    }

    mutating func add(_ changes: SourceReader.Changes) {
        records += changes.records
        unrouted += changes.unrouted
        // A run may go on for months.
        if unroutedTables.count < Self.namesMax { unroutedTables.formUnion(changes.unroutedTables) }
        withoutRows += changes.withoutRows
        tombstones += changes.tombstones
    }

    private static let namesMax = 1000

    mutating func add(_ job: EpochCommitter.Job, letters: Int) {
        for epoch in job.cuts.map(\.epoch) where !epoch.isEmpty {
            commits += 1
            inserts += epoch.summary.inserts
            deletes += epoch.summary.deletes
            redundantDeletes += epoch.summary.redundantDeletes
        }
        deadLetters = letters
    }
}
