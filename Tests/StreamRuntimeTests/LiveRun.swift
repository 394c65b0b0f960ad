import Bytes
import EventLog
import Foundation
import StreamRuntime
import Synchronization
import Testing

/// A run that stays up on a thread of its own while a test changes what is around it.
final class LiveRun: Sendable {
    let run: IngestRun
    private let state = Mutex<(failure: WeirError?, isOver: Bool)>((nil, false))
    private let done = DispatchSemaphore(value: 0)

    init(_ plan: IngestPlan, deadLetters: String, clock: RunClock = .system) {
        run = IngestRun(plan, deadLetterPath: deadLetters, clock: clock)
        Thread.detachNewThread { [self] in
            do throws(WeirError) {
                try run.run(untilCaughtUp: false)
                state.withLock { $0.isOver = true }
            } catch {
                state.withLock { $0 = (error, true) }
            }
            done.signal()
        }
    }

    /// The only run of its topology.
    convenience init(_ fixture: IngestFixture, _ plan: IngestPlan, clock: RunClock = .system) {
        self.init(plan, deadLetters: "\(fixture.folder)/dead-letters/\(plan.topology).ndjson", clock: clock)
    }

    /// One of the processes that share a topology's sources.
    ///
    /// - Parameter number: tells them apart.
    convenience init(
        _ fixture: IngestFixture,
        _ plan: IngestPlan,
        member number: Int,
        of group: any SharedLog,
        clock: RunClock = .system
    ) {
        self.init(
            plan.shared(over: group),
            deadLetters: "\(fixture.folder)/dead-letters/\(plan.topology).\(number).ndjson",
            clock: clock
        )
    }

    /// Whether it has ended, asked to or not.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Asks it to end, and waits for that; the error it ended with.
    func end() -> WeirError? {
        run.stop()
        done.wait()
        // Whoever asks again is answered again.
        done.signal()
        return state.withLock { $0.failure }
    }

    /// The same; fails with what it ended with.
    func stop() throws {
        if let failure = end() { throw failure }
    }

    /// Waits until that is so; fails when the run has failed, or after two minutes.
    func wait(_ what: String, until isSo: () throws -> Bool) throws {
        try Self.wait(what) {
            if let failure = state.withLock({ $0.failure }) { throw failure }
            return try isSo()
        }
    }

    /// Waits for what need not come by one run; fails after two minutes.
    static func wait(_ what: String, until isSo: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while try !isSo() {
            guard ContinuousClock.now < deadline else { throw WeirError(.conflict, "waited in vain for: \(what)") }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}

extension IngestPlan {
    /// With sources whose partitions a group deals out, and short epochs.
    func shared(over log: any SharedLog) -> IngestPlan {
        let sources = sources.map { source in
            Source(
                name: source.name,
                log: log,
                topics: source.topics,
                includes: source.includes,
                startup: source.startup,
                group: "weir"
            )
        }
        return IngestPlan(
            topology: topology,
            sources: sources,
            targets: targets,
            joins: joins,
            sharing: sharing,
            route: route,
            commitMilliseconds: 15
        )
    }
}
