import Bytes
import ChangeEvents
import Columnar
import MixedTables

/// Takes changes from the reader, joins them, mirrors them to LogStores, hands them to the files of every table they
/// belong to, and ends epochs by time and size.
final class EpochWriter {
    private let plan: IngestPlan
    private let sinks: [SinkTable]
    private let joins: [JoinStage]
    private let dimensions: [LiveDimension]
    /// The dimensions that the tables of this run feed, by the index of the table.
    private let fed: [Int: LiveDimension]
    private let queue: BatchQueue<SourceReader.Changes>
    private let files: FileStage
    /// Topics that also get the changes of tables, by the index of the table.
    private let topics: [Int: [TopicSink]]
    private let onBatch: (SourceReader.Changes) -> Void
    private let onLetter: (DeadLetter) -> Void
    private let onLook: () -> Void
    /// How far this run has read. Begins at the start positions of the run, not of a table: one table may be further
    /// than another, and its position must not be recorded in the other.
    private var ledger = PositionLedger()
    private var last = LastRecords()
    private var submittedLedger = PositionLedger()
    private var letters: [DeadLetter] = []
    private var letterBytes = 0
    private var hasRead = false
    /// When the first change of the epoch reached each stage; nil before there is one.
    private var stages: EpochStages?
    private let clock: RunClock
    private let nowMilliseconds: @Sendable () -> Int64
    private var epochStart: RunClock.Instant
    private var lastFullRecord: RunClock.Instant

    /// How often positions are recorded in tables that get no rows, so that a restart rereads little.
    private static let positionsEvery = Duration.seconds(60)
    private static let lookAgain = Duration.milliseconds(5)
    /// The longest time between two calls of `onLook` while nothing arrives.
    private static let lookEvery = Duration.seconds(5)

    /// - Parameters:
    ///   - start: where the partitions of the run begin.
    ///   - joins: in the order of the last sinks.
    ///   - nowMilliseconds: the wall clock, milliseconds since 1970.
    ///   - onLook: called every few seconds at least.
    init(
        plan: IngestPlan,
        start: PositionLedger,
        sinks: [SinkTable],
        joins: [JoinStage],
        topics: [TopicSink],
        queue: BatchQueue<SourceReader.Changes>,
        files: FileStage,
        clock: RunClock = .system,
        nowMilliseconds: @escaping @Sendable () -> Int64 = WallClock.milliseconds,
        onBatch: @escaping (SourceReader.Changes) -> Void,
        onLetter: @escaping (DeadLetter) -> Void,
        onLook: @escaping () -> Void = {}
    ) {
        self.plan = plan
        self.sinks = sinks
        self.joins = joins
        self.queue = queue
        self.files = files
        self.clock = clock
        self.nowMilliseconds = nowMilliseconds
        epochStart = clock.now
        lastFullRecord = clock.now
        self.topics = Dictionary(grouping: topics, by: \.sink)
        dimensions = joins.map(\.dimension).reduce(into: []) { all, one in
            if !all.contains(where: { $0 === one }) { all.append(one) }
        }
        fed = plan.targets.indices.reduce(into: [:]) { fed, tableIndex in
            fed[tableIndex] = joins.first { $0.plan.dimensionName == plan.targets[tableIndex].name }?.dimension
        }
        self.onBatch = onBatch
        self.onLetter = onLetter
        self.onLook = onLook
        ledger = start
    }

    /// Writes until the reader has finished and everything is committed.
    func run() throws(WeirError) {
        // A run that does not start at the earliest offset records its start positions at once: the next run must not
        // start further on.
        if plan.sources.contains(where: { $0.startup != .earliest }) { try cut(recordsAll: true) }
        while true {
            let due = epochStart + .milliseconds(plan.commitMilliseconds)
            // An epoch that is due waits until the one before it is cut, so look again soon.
            switch queue.take(until: nextLook(max(due, clock.now + Self.lookAgain))) {
            case .element(var changes):
                changes.filtered += try write(changes)
                onBatch(changes)
            case .timeout:
                for dimension in dimensions { try dimension.keepUp(settling: settle) }
            case .finished:
                try cut(recordsAll: true)
                return try files.drain()
            }
            // Check here as well: while records go to no table, no other call reports a failure of the file thread.
            try files.check()
            if isDue { try cut(recordsAll: false) }
            onLook()
        }
    }

    /// With a dimension the loop wakes more often, to keep it up to date while no records arrive.
    private func nextLook(_ due: RunClock.Instant) -> RunClock.Instant {
        min(due, clock.now + (dimensions.isEmpty ? Self.lookEvery : LiveDimension.idleEvery))
    }

    /// Epochs grow while commits are slow; they do not queue.
    private var isDue: Bool {
        (clock.now - epochStart >= .milliseconds(plan.commitMilliseconds) && !files.isCutting)
            || files.pendingBytes + Int64(letterBytes) >= plan.commitBytes
    }

    /// - Returns: how many rows joins left out.
    private func write(_ changes: SourceReader.Changes) throws(WeirError) -> Int {
        var filtered = 0
        // None of these records is taken yet, so a commit by `settle` does not include them.
        for dimension in dimensions where changes.batches.contains(where: { isJoined($0.target, with: dimension) }) {
            try dimension.catchUp(asOf: changes.readAt, settling: settle)
        }
        hasRead = true
        if stages == nil, !changes.batches.isEmpty { stages = EpochStages(changes) }
        letters += changes.letters
        for letter in changes.letters { onLetter(letter) }
        letterBytes += changes.letters.reduce(0) { $0 + $1.byteCount }
        // Tables that feed a dimension come first: readers further down the log may rely on that order.
        let batches =
            fed.isEmpty
            ? changes.batches
            : changes.batches.filter { fed[$0.target] != nil } + changes.batches.filter { fed[$0.target] == nil }
        for (target, batch) in batches {
            sinks[target].observe(changes.last.timestamp)
            try write(batch, to: target, changes)
            for (number, join) in joins.enumerated() where join.plan.target == target {
                for (joined, failures, left) in try join.apply(batch) {
                    filtered += left
                    for failure in failures { add(failure.offset, of: batch, changes, join.sink.name, failure.reason) }
                    // The letter holds the stream's row only: the dimension's may have changed when the record is read
                    // again.
                    try write(joined, to: plan.targets.count + number, changes, shown: batch)
                }
            }
        }
        ledger.advance(changes.id, to: changes.nextOffset)
        last.advance(changes.id, to: changes.last)
        return filtered
    }

    private func write(
        _ batch: ChangeBatch,
        to tableIndex: Int,
        _ changes: SourceReader.Changes,
        shown: ChangeBatch? = nil
    ) throws(WeirError) {
        let sink = sinks[tableIndex]
        let (taken, refused) = try sink.take(batch, topic: changes.topic, partition: changes.partition)
        if let taken {
            try sink.mirror(taken)
            try fed[tableIndex]?.take(taken)
        }
        var forTopics: ChangeBatch?
        if topics[tableIndex] != nil {
            forTopics = refused.isEmpty ? batch : batch.without(offsets: Set(refused.map(\.offset)))
        }
        let forFiles = sink.writesFiles ? taken : nil
        if forFiles != nil || forTopics != nil {
            try files.write(
                FileStage.Rows(
                    tableIndex: tableIndex,
                    forFiles: forFiles,
                    forTopics: forTopics,
                    topic: changes.topic,
                    partition: changes.partition
                )
            )
        }
        for rejected in refused { add(rejected.offset, of: shown ?? batch, changes, sink.name, rejected.reason) }
        for output in topics[tableIndex] ?? [] {
            guard let forTopics else { continue }
            for refusal in output.refused(forTopics, topic: changes.topic, partition: changes.partition) {
                // The letter holds the deleted row: the last row of the change may be a new one.
                add(forTopics.offset(refusal.row), of: forTopics, row: refusal.row, changes, sink.name, refusal.reason)
            }
        }
    }

    /// Adds a dead letter for a change.
    ///
    /// - Parameter row: the row of the batch that the letter shows; the change's last one when nil.
    private func add(
        _ offset: Int64,
        of batch: ChangeBatch,
        row: Int? = nil,
        _ changes: SourceReader.Changes,
        _ table: String,
        _ reason: String
    ) {
        let letter = DeadLetter(
            topic: changes.topic,
            partition: changes.partition,
            offset: offset,
            table: table,
            reason: reason
        ).with(batch, row: row)
        letters.append(letter)
        onLetter(letter)
        letterBytes += letter.byteCount
    }

    /// Whether an idle run records positions: readers of a LogStore start where its table says, and brokers expire the
    /// state of a topic that is not renewed.
    private var tellsWhenIdle: Bool { !topics.isEmpty || sinks.contains(where: \.hasLogStore) }

    /// Ends the epoch.
    ///
    /// - Parameter recordsAll: also records positions in tables that got no rows.
    private func cut(recordsAll isAsked: Bool) throws(WeirError) {
        epochStart = clock.now
        let recordsAll = isAsked || clock.now - lastFullRecord > Self.positionsEvery
        let isIdle = ledger == submittedLedger && letters.isEmpty
        if isIdle && !isAsked && !(recordsAll && tellsWhenIdle) { return }
        if recordsAll { lastFullRecord = clock.now }
        var progress: [LogStoreProgress?] = []
        for sink in sinks {
            do {
                progress.append(try sink.cutLogStore())
            } catch {
                throw error.located(at: "table \(sink.name)")
            }
        }
        try files.cut(
            progress,
            at: EpochPosition(
                ledger: ledger,
                last: last,
                letters: letters,
                recordsAll: recordsAll,
                taken: sinks.map(\.taken),
                isStart: !hasRead,
                times: stages?.times(at: clock.now, nowMilliseconds())
            ),
            letterBytes: letterBytes
        )
        // A LogStore that starts now is registered by a commit before its first record: otherwise nobody could take
        // that record back.
        if progress.contains(where: { $0?.caughtUpAt != nil }) { try files.drain() }
        submittedLedger = ledger
        stages = nil
        letters = []
        letterBytes = 0
    }

    /// Commits everything that was taken. Called between two batches.
    private func settle() throws(WeirError) {
        try cut(recordsAll: false)
        try files.drain()
    }

    private func isJoined(_ target: Int, with dimension: LiveDimension) -> Bool {
        joins.contains { $0.plan.target == target && $0.dimension === dimension }
    }
}

extension ChangeBatch {
    /// Without the changes of those source offsets.
    fileprivate func without(offsets: Set<Int64>) -> ChangeBatch {
        gathered((0..<count).filter { !offsets.contains(offset($0)) }.map { Int32($0) })
    }
}
