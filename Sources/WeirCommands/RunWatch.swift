import Bytes
import Foundation
import StreamRuntime
import Synchronization

/// Samples a run at intervals and shows its status.
final class RunWatch: Sendable {
    private let ingest: IngestRun
    private let log: RunLog
    private let clock: RunClock
    private let isOver = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let lag = Mutex<LagAnswer?>(nil)

    private static let lookEvery = Duration.milliseconds(500)
    /// How often the logs' end offsets are requested.
    private static let askEvery = Duration.seconds(2)

    init(_ ingest: IngestRun, _ log: RunLog, clock: RunClock = .system) {
        self.ingest = ingest
        self.log = log
        self.clock = clock
    }

    /// Starts watching, until `end`. The lag has its own thread, because brokers may take long to answer.
    func start(showsEvents: Bool) {
        let asking = Thread { [self] in
            while !isEnded {
                let (before, generation) = (clock.now, ingest.state.generation)
                let now = ingest.lag()
                lag.withLock { $0 = LagAnswer(lag: now, generation: generation, time: before) }
                clock.pause(for: Self.askEvery) { isEnded }
            }
        }
        let showing = Thread { [self] in
            var status = RunStatus(isTerminal: log.isTerminal, showsEvents: showsEvents, start: sample())
            while !isEnded {
                for output in status.look(sample()) where !isEnded { log.show(output) }
                clock.pause(for: Self.lookEvery) { isEnded }
            }
        }
        asking.name = "weir-lag"
        showing.name = "weir-status"
        asking.start()
        showing.start()
    }

    func stop() { isStopping.store(true, ordering: .relaxed) }

    /// Stops watching. Nothing is shown after this call.
    func end() {
        isOver.store(true, ordering: .sequentiallyConsistent)
        log.closeStatus()
    }

    private var isEnded: Bool { isOver.load(ordering: .sequentiallyConsistent) }

    private func sample() -> RunStatus.Sample {
        let now = clock.now
        let state = ingest.state
        return RunStatus.Sample(
            time: now,
            wallTime: TimeText.nowMilliseconds,
            counts: ingest.progress,
            state: state,
            lag: lag.withLock { $0 }?.current(in: state.generation, at: now),
            isStopping: isStopping.load(ordering: .relaxed)
        )
    }
}
