import Bytes
import EventLog
import Foundation
import StreamRuntime
import Synchronization
import Testing

/// A run on a thread of its own, as one of the processes that share a topology's sources.
final class LiveRun: Sendable {
    let run: IngestRun
    private let state = Mutex<(failure: WeirError?, isOver: Bool)>((nil, false))
    private let done = DispatchSemaphore(value: 0)

    init(_ fixture: IngestFixture, _ text: String, _ log: GroupedFileLog, number: Int, clock: RunClock = .system) throws
    {
        let plan = try IngestPlan.resolve(
            IngestFixture.topology(text),
            catalog: fixture.catalog(),
            nowMilliseconds: 1_700_000_000_000
        ) { (_) throws(WeirError) in log.log }
        let sources = plan.sources.map { source in
            IngestPlan.Source(
                name: source.name,
                log: log,
                topics: source.topics,
                includes: source.includes,
                startup: source.startup,
                group: "weir"
            )
        }
        run = IngestRun(
            IngestPlan(
                topology: plan.topology,
                sources: sources,
                targets: plan.targets,
                joins: plan.joins,
                sharing: plan.sharing,
                route: plan.route,
                commitMilliseconds: 15
            ),
            deadLetterPath: "\(fixture.folder)/dead-letters/live.\(number).ndjson",
            clock: clock
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

    /// Whether it has ended by itself.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Asks it to end, and waits for that; the error it ended with.
    func end() -> WeirError? {
        run.stop()
        done.wait()
        return state.withLock { $0.failure }
    }

    /// Waits until something is so.
    static func until(_ what: String, _ isSo: () throws -> Bool) throws {
        let deadline = Date().addingTimeInterval(120)
        while try !isSo() {
            try #require(Date() < deadline, "waited too long until \(what)")
            usleep(5000)
        }
    }
}
