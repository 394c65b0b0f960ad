import Bytes
import ChangeEvents
import Foundation
import MixedTables
import Synchronization

/// Commits epochs one after the other on its own thread, so that the next epoch is decoded and encoded meanwhile.
///
/// At most one epoch waits while one commits: a slow catalog slows the pipeline down instead of filling memory.
final class EpochCommitter: @unchecked Sendable {
    /// What one epoch leaves behind for every table of the run.
    struct Job: Sendable {
        let cuts: [SinkTable.Cut]
        let topics: [TopicSink.Cut]
        let ledger: PositionLedger
        let letters: [DeadLetter]
        /// Also records positions in tables that got no rows; done at the end of a run and once in a while.
        let recordsAllPositions: Bool
        /// Nothing was read yet: the positions are where the run begins.
        let isStart: Bool
    }

    private let topology: String
    private let sinks: [SinkTable]
    private let topics: [TopicSink]
    private let deadLetters: DeadLetterFile
    private let queue = BatchQueue<Job>(bytesMax: 1)
    private let onCommit: @Sendable (Job, _ letters: Int) -> Void
    private let idle = NSCondition()
    // Protected by `idle`.
    private var pending = 0
    private var failure: WeirError?
    private var isRunning = false

    init(
        topology: String,
        sinks: [SinkTable],
        topics: [TopicSink],
        deadLetters: DeadLetterFile,
        onCommit: @escaping @Sendable (Job, _ letters: Int) -> Void
    ) {
        self.topology = topology
        self.sinks = sinks
        self.topics = topics
        self.deadLetters = deadLetters
        self.onCommit = onCommit
    }

    /// Starts the thread.
    func start() {
        isRunning = true
        let thread = Thread { [self] in run() }
        thread.name = "weir-commit"
        thread.start()
    }

    /// Queues an epoch. Fails when an earlier commit failed.
    func submit(_ job: Job) throws(WeirError) {
        try check()
        idle.lock()
        pending += 1
        idle.unlock()
        if !queue.put(job, bytes: 1) { try check() }
    }

    /// Waits until every queued epoch is committed.
    func drain() throws(WeirError) {
        idle.lock()
        while pending > 0 && failure == nil { idle.wait() }
        idle.unlock()
        try check()
    }

    /// Waits until what is queued is committed and the thread has ended.
    func stop() {
        queue.finish()
        idle.lock()
        while isRunning { idle.wait() }
        idle.unlock()
    }

    func check() throws(WeirError) {
        idle.lock()
        defer { idle.unlock() }
        if let failure { throw failure }
    }

    private func run() {
        defer {
            idle.lock()
            isRunning = false
            idle.broadcast()
            idle.unlock()
        }
        while case .element(let job) = queue.take() {
            var failed: WeirError?
            do throws(WeirError) {
                try commit(job)
                onCommit(job, deadLetters.count)
            } catch {
                failed = error
            }
            idle.lock()
            pending -= 1
            failure = failed
            idle.broadcast()
            idle.unlock()
            if failed != nil { return queue.cancel() }
        }
    }

    private func commit(_ job: Job) throws(WeirError) {
        // Letters first: the commit that covers their positions must not be the only trace of them.
        try deadLetters.append(job.letters)
        for (sink, cut) in zip(sinks, job.cuts) {
            do {
                try sink.commit(
                    cut,
                    topology: topology,
                    read: job.ledger,
                    recordsPositions: job.recordsAllPositions,
                    isStart: job.isStart
                )
            } catch {
                throw error.located(at: "commit to \(sink.name)")
            }
        }
        for (topic, cut) in zip(topics, job.topics) {
            try topic.commit(cut, read: job.ledger, recordsPositions: job.recordsAllPositions)
        }
    }
}
