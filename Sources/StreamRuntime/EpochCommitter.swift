import Bytes
import ChangeEvents
import MixedTables

/// Commits epochs one after the other on its own thread, so that the next epoch is decoded and encoded meanwhile.
///
/// At most one epoch waits while one commits: a slow catalog slows the pipeline down instead of filling memory.
final class EpochCommitter: Sendable {
    /// What one epoch commits to every table and topic of the run.
    struct Job: Sendable {
        let cuts: [SinkTable.Cut]
        let topics: [TopicSink.Cut]
        let position: EpochPosition
    }

    private let thread: WorkThread<Job>

    init(
        sinks: [SinkTable],
        topics: [TopicSink],
        deadLetters: DeadLetterFile,
        clock: RunClock = .system,
        onBegin: @escaping @Sendable () -> Void = {},
        onCommit: @escaping @Sendable (Job, _ letters: Int, _ retries: Int) -> Void
    ) {
        thread = WorkThread(name: "weir-commit", bytesMax: 1) { (job) throws(WeirError) in
            onBegin()
            let retries = try Self.commit(job, sinks, topics, deadLetters, clock)
            onCommit(job, deadLetters.count, retries)
        }
    }

    func start() { thread.start() }

    /// Queues an epoch. Fails when an earlier commit failed.
    func submit(_ job: Job) throws(WeirError) { try thread.submit(job, bytes: 1) }

    /// Waits until every queued epoch is committed.
    func drain() throws(WeirError) { try thread.drain() }

    /// Commits the queued epochs and ends the thread.
    func stop() { thread.finish() }

    func check() throws(WeirError) { try thread.check() }

    private static func commit(
        _ job: Job,
        _ sinks: [SinkTable],
        _ topics: [TopicSink],
        _ deadLetters: DeadLetterFile,
        _ clock: RunClock
    ) throws(WeirError) -> Int {
        let position = job.position
        // Letters first: after the commit that covers their positions, their records are not read again.
        try deadLetters.append(position.letters)
        let retries = try SinkTable.commit(Array(zip(sinks, job.cuts)), at: position)
        let now = clock.now
        _ = try concurrently(Array(zip(topics, job.topics))) { (topic, cut) throws(WeirError) in
            try topic.commit(
                cut,
                read: position.ledger,
                last: position.last,
                recordsPositions: position.recordsAll,
                isStart: position.isStart,
                now: now
            )
        }
        if position.recordsAll { deadLetters.forget(below: position.ledger) }
        return retries
    }
}

/// How far the sources are read at the end of an epoch, and the dead letters of its records.
struct EpochPosition: Sendable {
    let ledger: PositionLedger
    /// The records right before the ledger's positions.
    let last: LastRecords
    let letters: [DeadLetter]
    /// Also record positions in tables that got no rows; done periodically and at the end of a run.
    let recordsAll: Bool
    /// The partitions that have brought rows, for each table.
    let taken: [Set<TopicPartition>]
    /// Nothing was read yet: the positions are where the run begins.
    let isStart: Bool
    /// When the oldest change reached each stage; nil when there is none.
    let times: StageTimes?
}
