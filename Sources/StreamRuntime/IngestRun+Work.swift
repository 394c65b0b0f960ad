import Bytes
import ChangeEvents
import EventLog
import Foundation
import Synchronization

extension IngestRun {
    /// Runs all threads of a generation until the reader ends and everything it has read is committed.
    ///
    /// ```
    /// reader ─ queue ─> writer ─> files ─> committer
    /// ```
    func work(
        _ generation: Generation,
        _ groups: SourceGroups,
        untilCaughtUp: Bool
    ) throws(WeirError) -> SourceReader.Ending {
        // Half of the budget is for the queue before the LogStores, half for the queue before the files.
        let queue = BatchQueue<SourceReader.Changes>(bytesMax: plan.queueBytes / 2, clock: clock)
        let committer = committer(of: generation, groups)
        let files = FileStage(
            sinks: generation.sinks,
            topics: generation.topics,
            committer: committer,
            bytesMax: plan.queueBytes / 2,
            onNotice: { [self] in warn($0) }
        )
        let writer = writer(of: generation, from: queue, to: files)
        let isStopped = Flag()
        let reader = reader(of: generation, into: queue, groups, isStopped)
        noteReading(generation.partitions.all)
        committer.start()
        files.start()
        let reading = ReaderThread(reader, queue, untilCaughtUp: untilCaughtUp)
        defer {
            // No thread outlives the generation, even on failure.
            isStopped.set()
            queue.cancel()
            reading.join()
            files.cancel()
            committer.stop()
        }
        do throws(WeirError) {
            try writer.run()
        } catch {
            files.cancel()
            for sink in generation.sinks { sink.abandonFiles() }
            let cause = reading.failure ?? error
            if cause.code == .fenced {
                // No other process knows of rows that this one wrote to LogStores after it lost the partitions.
                committer.stop()
                for sink in generation.sinks { try sink.takeBack() }
            }
            throw cause
        }
        if let failure = reading.failure { throw failure }
        return reading.ending
    }

    private func committer(of generation: Generation, _ groups: SourceGroups) -> EpochCommitter {
        let names = generation.sinks.map(\.name)
        return EpochCommitter(
            sinks: generation.sinks,
            topics: generation.topics,
            deadLetters: generation.letters,
            clock: clock,
            onBegin: { [self] in runState.withLock { $0.commitBegan = clock.now } }
        ) { [self] job, letters, retries in
            counters.withLock { $0.add(job, letters: letters, retries: retries) }
            runState.withLock { state in
                state.commitBegan = nil
                if job.cuts.contains(where: { !$0.epoch.isEmpty }) {
                    state.lastCommit = clock.now
                    state.visibleAfter = job.position.times?.visibleAfter(nowMilliseconds())
                }
            }
            for (name, cut) in zip(names, job.cuts) where !cut.epoch.isEmpty { base.committed(name) }
            groups.offer(job.position.ledger)
        }
    }

    private func writer(
        of generation: Generation,
        from queue: BatchQueue<SourceReader.Changes>,
        to files: FileStage
    ) -> EpochWriter {
        var earlier = generation.letters.earlier
        return EpochWriter(
            plan: plan,
            start: generation.partitions.startPositions,
            sinks: generation.sinks,
            joins: generation.joins,
            topics: generation.topics,
            queue: queue,
            files: files,
            clock: clock,
            nowMilliseconds: nowMilliseconds,
            onBatch: { [self] changes in
                let now = counters.withLock { state in
                    state.add(changes)
                    return state
                }
                readPositions.advance(changes.id, to: changes.nextOffset, timestamp: changes.last.timestamp)
                onProgress(now)
            },
            onLetter: { [self] in tell($0, isOld: earlier.take($0)) },
            onLook: { [self] in tellOfLetters() }
        )
    }

    private func reader(
        of generation: Generation,
        into queue: BatchQueue<SourceReader.Changes>,
        _ groups: SourceGroups,
        _ isStopped: Flag
    ) -> SourceReader {
        SourceReader(
            plan,
            partitions: generation.partitions,
            queue: queue,
            decoding: decoding,
            clock: clock,
            groups: groups,
            outages: outages,
            positions: readPositions
        ) { [self] in
            isStopping || isStopped.isSet
        }
    }

    private func noteReading(_ partitions: [SourcePartitions.Partition]) {
        readPositions.note(partitions, isFirst: true)
        runState.withLock { state in
            state.phase = .reading
            state.generation += 1
            state.commitBegan = nil
            (state.partitions, state.topics) = (partitions.count, Set(partitions.map(\.topic)).count)
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }
}

/// The thread that reads.
private final class ReaderThread: Sendable {
    private let outcome = Mutex<Result<SourceReader.Ending, WeirError>>(.success(.finished))
    private let done = DispatchSemaphore(value: 0)

    /// Starts the thread, which owns the reader from then on.
    init(_ reader: SourceReader, _ queue: BatchQueue<SourceReader.Changes>, untilCaughtUp: Bool) {
        let box = Box(reader)
        let thread = Thread { [self] in
            let result = Result { () throws(WeirError) in try box.reader.run(untilCaughtUp: untilCaughtUp) }
            outcome.withLock { $0 = result }
            queue.finish()
            done.signal()
        }
        thread.name = "weir-read"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Waits until it has ended; called once.
    func join() { done.wait() }

    var failure: WeirError? {
        if case .failure(let error) = outcome.withLock({ $0 }) { return error }
        return nil
    }

    var ending: SourceReader.Ending { (try? outcome.withLock { $0 }.get()) ?? .finished }

    /// Passes the reader to its thread.
    private struct Box: @unchecked Sendable {
        let reader: SourceReader
        init(_ reader: SourceReader) { self.reader = reader }
    }
}
