import Bytes
import Foundation
import MixedTables

/// Moves the changes that a run commits into the base stores of its tables, on its own thread.
///
/// Epochs never wait for it: it falls behind when the machine has more to do, and catches up in larger slices. It goes
/// on over the generations of a run, since what it knows of the tables does not depend on partitions. Several processes
/// may do the same for one table: whoever commits first has done it for the others.
final class BaseRefresher: @unchecked Sendable {
    private let names: [String]
    private let clock: RunClock
    private let nowMilliseconds: @Sendable () -> Int64
    private let onWarning: @Sendable (String) -> Void
    private let condition = Condition()
    // Used by the thread.
    private let materializers: [Materializer]
    private var told: [String?]
    // Protected by `condition`.
    private var schedule: RefreshSchedule
    private var mode = Mode.running
    private var isAlive = false
    private var failure: WeirError?
    private var known: [String: MaterializeBacklog] = [:]

    private enum Mode: Equatable {
        case running
        /// Moves what is left and ends. After the deadline the rest is left to the next run.
        case ending(RunClock.Instant?)
        case cancelled
    }

    /// Bytes of change files that one commit moves. Fewer after others came first: what is done sooner is not outrun.
    private static let sliceBytes: Int64 = 64 << 20
    private static let sliceBytesMin: Int64 = 1 << 20
    /// How long the end of a run waits for the last changes to be moved.
    private static let endTime = Duration.seconds(3)
    /// Attempts of the last changes that others may outrun.
    private static let attemptsMax = 30

    /// - Parameters:
    ///   - tables: keyed tables that the run writes.
    ///   - nowMilliseconds: the wall clock, milliseconds since 1970.
    init(
        _ tables: [(name: String, table: MixedTable)],
        clock: RunClock,
        nowMilliseconds: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) },
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        names = tables.map(\.name)
        materializers = tables.map { Materializer($0.table) }
        told = Array(repeating: nil, count: tables.count)
        schedule = RefreshSchedule(tables: tables.count, at: clock.now)
        self.clock = clock
        self.nowMilliseconds = nowMilliseconds
        self.onWarning = onWarning
    }

    func start() {
        if names.isEmpty { return }
        mode = .running
        isAlive = true
        let thread = Thread { [self] in
            // Reading and committing come first when there are too few processors.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            run()
            condition.locked {
                isAlive = false
                condition.broadcast()
            }
        }
        thread.name = "weir-base"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// The run has committed changes to a table.
    func committed(_ name: String) {
        guard let table = names.firstIndex(of: name) else { return }
        condition.locked {
            schedule.want(table)
            condition.broadcast()
        }
    }

    /// What base lacks of each table's changes, as of the last look at it.
    var backlogs: [String: MaterializeBacklog] { condition.locked { known } }

    /// Moves what is left, and ends the thread.
    ///
    /// - Parameters:
    ///   - isComplete: whether to wait until base has everything, and to fail when that is not possible. If not, it
    ///     takes a few seconds at most.
    ///   - isStopping: called periodically; once it is true, a complete end becomes a short one.
    func finish(isComplete: Bool, isStopping: () -> Bool) throws(WeirError) {
        let endsEarly = !isComplete || isStopping()
        condition.locked {
            mode = .ending(endsEarly ? clock.now + Self.endTime : nil)
            condition.broadcast()
            while isAlive {
                condition.wait(atMost: .milliseconds(50))
                if mode == .ending(nil), isStopping() { mode = .ending(clock.now + Self.endTime) }
            }
        }
        if isComplete, let failure = condition.locked({ failure }) { throw failure }
    }

    /// Ends the thread; nothing more is moved.
    func cancel() {
        condition.locked {
            mode = .cancelled
            condition.broadcast()
            while isAlive { condition.wait() }
        }
    }

    // MARK: The thread

    private func run() {
        while let table = awaitTurn() {
            let outcome = step(table)
            condition.locked {
                schedule.finished(table, outcome, interval: interval(of: table), at: clock.now)
            }
        }
        guard case .ending = condition.locked({ mode }) else { return }
        for table in names.indices { moveRest(of: table) }
    }

    /// The next table; nil when the run ends.
    private func awaitTurn() -> Int? {
        condition.locked {
            while mode == .running {
                if let table = schedule.next(at: clock.now) { return table }
                guard let time = schedule.nextTime else { return nil }
                if let wait = clock.sleep(until: time) { condition.wait(atMost: wait) }
            }
            return nil
        }
    }

    private func step(_ table: Int) -> RefreshSchedule.Outcome {
        do throws(WeirError) {
            let misses = condition.locked { schedule.misses(of: table) }
            switch try advance(table, misses: misses) {
            case .caughtUp: return .caughtUp
            case .merged(let merge): return merge.isLast ? .caughtUp : .advanced
            case .outrun: return .outrun
            case .held: return .held
            }
        } catch {
            if error.code == .cancelled { return .advanced }
            warn(table, error)
            return .failed
        }
    }

    private func advance(_ table: Int, misses: Int) throws(WeirError) -> Materializer.Step {
        let result = try materializers[table].step(
            bytesMax: max(Self.sliceBytesMin, Self.sliceBytes >> min(misses, 10)),
            nowMilliseconds: nowMilliseconds()
        ) { () throws(WeirError) in
            try check()
        }
        let backlog = materializers[table].backlog
        condition.locked { known[names[table]] = backlog }
        return result
    }

    /// Ends a step once the run has no time for it.
    private func check() throws(WeirError) {
        let isOver = condition.locked {
            switch mode {
            case .running: false
            case .ending(let deadline): deadline.map { clock.now >= $0 } ?? false
            case .cancelled: true
            }
        }
        if isOver { throw WeirError(.cancelled, "the run ends") }
    }

    private func moveRest(of table: Int) {
        var attempts = 0
        do throws(WeirError) {
            while true {
                try check()
                switch try advance(table, misses: attempts) {
                case .caughtUp: return
                case .merged: attempts = 0
                case .held: clock.pause(for: .milliseconds(100))
                case .outrun:
                    attempts += 1
                    guard attempts < Self.attemptsMax else {
                        throw WeirError(
                            .conflict,
                            "other writers' commits to the base store came first \(attempts) times in a row",
                            advice: "the changes are read from the change store until a run moves them"
                        )
                    }
                    clock.pause(for: .milliseconds(20 * attempts))
                }
            }
        } catch {
            if error.code == .cancelled { return }
            condition.locked { failure = failure ?? error.located(at: "base store of \(names[table])") }
            warn(table, error)
        }
    }

    /// Says what keeps a table from being brought up to date, once until it is another reason.
    private func warn(_ table: Int, _ error: WeirError) {
        let location = error.location.map { " (\($0))" } ?? ""
        let text =
            "the base store of \(names[table]) falls behind its changes: \(error.message)\(location). Nothing is lost, and "
            + "Weir's own readers are not affected"
        if told[table] == text { return }
        told[table] = text
        onWarning(text)
    }

    /// `base.refresh-interval` of a table; nil when changes are moved after every commit.
    private func interval(of table: Int) -> Duration? {
        guard let text = materializers[table].table.properties["base.refresh-interval"], let number = Int64(text),
            number > 0
        else { return nil }
        return .milliseconds(number)
    }
}
