import Bytes
import EventLog
import Foundation
import ObjectStorage
import StreamRuntime
import Synchronization
import Testing

/// A run on its own thread while a test changes its environment.
final class LiveRun: Sendable {
    let run: IngestRun
    private let state = Mutex<(failure: WeirError?, isOver: Bool)>((nil, false))
    private let done = DispatchSemaphore(value: 0)

    init(
        _ plan: IngestPlan,
        deadLetters: String,
        stateFolder: String? = nil,
        files: any FileSystem = LocalFileSystem(),
        clock: RunClock = .system,
        nowMilliseconds: (@Sendable () -> Int64)? = nil
    ) {
        run = IngestRun(
            plan,
            deadLetterPath: deadLetters,
            stateFolder: stateFolder,
            files: files,
            clock: clock,
            nowMilliseconds: nowMilliseconds
        )
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

    /// One of several processes that share a topology's sources.
    ///
    /// - Parameters:
    ///   - number: identifies the process.
    ///   - stateFolder: for its key indexes.
    convenience init(
        _ fixture: IngestFixture,
        _ plan: IngestPlan,
        member number: Int,
        of group: any SharedLog,
        stateFolder: String? = nil,
        files: any FileSystem = LocalFileSystem(),
        clock: RunClock = .system,
        nowMilliseconds: (@Sendable () -> Int64)? = nil
    ) {
        self.init(
            plan.shared(over: group),
            deadLetters: "\(fixture.folder)/dead-letters/\(plan.topology).\(number).ndjson",
            stateFolder: stateFolder,
            files: files,
            clock: clock,
            nowMilliseconds: nowMilliseconds
        )
    }

    /// Whether the run has ended, on request or not.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Requests the end, waits for it, and returns the error of the run.
    func end() -> WeirError? {
        run.stop()
        done.wait()
        // A repeated request gets an answer again.
        done.signal()
        return state.withLock { $0.failure }
    }

    /// Ends the run and throws its error.
    func stop() throws {
        if let failure = end() { throw failure }
    }

    /// Waits until the condition holds. Fails when the run has failed, or after two minutes.
    func wait(_ what: String, until isSo: () throws -> Bool) throws {
        try Self.wait(what) {
            if let failure = state.withLock({ $0.failure }) { throw failure }
            return try isSo()
        }
    }

    /// Waits for a condition that does not depend on a single run. Fails after two minutes.
    static func wait(_ what: String, until isSo: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while try !isSo() {
            guard ContinuousClock.now < deadline else { throw WeirError(.conflict, "waited in vain for: \(what)") }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}

extension IngestPlan {
    /// The plan with sources whose partitions a group assigns, and with short epochs.
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
            commitMilliseconds: 15,
            materializes: materializes,
            stateMemory: 4000
        )
    }
}
