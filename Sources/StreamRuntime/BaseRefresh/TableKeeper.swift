import Bytes
import Foundation
import MixedTables
import Optimizing

/// Looks after the tables that a run writes, on a thread of its own: expiry, cleaning, tags, and optimizing of tables
/// without key. Those with key are optimized by what moves their changes (`BaseOptimizing`).
///
/// Nothing waits for it, and what it cannot do it says once and tries again.
final class TableKeeper: @unchecked Sendable {
    private let tables: [(name: String, table: MixedTable)]
    private let clock: RunClock
    private let start: RunClock.Instant
    private let nowMilliseconds: @Sendable () -> Int64
    private let onWarning: @Sendable (String) -> Void
    private let condition = Condition()
    // Used by the thread.
    private var upkeep: Upkeep
    private var optimizing = OptimizingSchedule()
    private let owner = OptimizingLease.newOwner()
    // Protected by `condition`.
    private var isEnding = false
    private var isAlive = false
    private var done: [String] = []
    private var optimized: [String: OptimizingProgress] = [:]

    /// How often it looks whether something is due.
    private static let lookEvery = Duration.seconds(10)
    private static let patience = Duration.seconds(5)
    /// What was done last, kept for those who look.
    private static let doneMax = 100

    init(
        _ tables: [(name: String, table: MixedTable)],
        clock: RunClock,
        upkeep: Upkeep = Upkeep(),
        nowMilliseconds: @escaping @Sendable () -> Int64,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        (self.tables, self.clock, self.upkeep) = (tables, clock, upkeep)
        (self.nowMilliseconds, self.onWarning) = (nowMilliseconds, onWarning)
        start = clock.now
    }

    /// What was done last, oldest first.
    var events: [String] { condition.locked { done } }
    var optimizingProgress: [String: OptimizingProgress] { condition.locked { optimized } }

    func begin() {
        if tables.isEmpty { return }
        condition.locked { (isEnding, isAlive) = (false, true) }
        let thread = Thread { [self] in
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
            while awaitTurn() { look() }
            condition.locked {
                isAlive = false
                condition.broadcast()
            }
        }
        thread.name = "weir-upkeep"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Ends the thread. What it is at ends at its next step, which leaves the table as it is.
    func end() {
        let deadline = ContinuousClock.now + Self.patience
        condition.locked {
            isEnding = true
            condition.broadcast()
            while isAlive, ContinuousClock.now < deadline { condition.wait(atMost: .milliseconds(50)) }
        }
    }

    private func awaitTurn() -> Bool {
        let next = clock.now + Self.lookEvery
        return condition.locked {
            while !isEnding, clock.now < next {
                if let wait = clock.sleep(until: next) { condition.wait(atMost: wait) }
            }
            return !isEnding
        }
    }

    private func check() throws(WeirError) {
        if condition.locked({ isEnding }) { throw WeirError(.cancelled, "the run ends") }
    }

    private func look() {
        let elapsed = start.duration(to: clock.now)
        let events = upkeep.runDue(
            tables.map(\.table),
            nowMilliseconds: nowMilliseconds(),
            elapsed: elapsed,
            check: { () throws(WeirError) in try check() }
        )
        for event in events {
            switch event.kind {
            case .done(let text): note("\(event.table): \(text)")
            case .failed(let error): onWarning("\(event.table) is not looked after (\(event.task.rawValue)): \(error)")
            }
        }
        let milliseconds = Int64(max(0, elapsed / .milliseconds(1)))
        for (name, table) in tables where !table.isKeyed && optimizing.isLookedAt(name, atMilliseconds: milliseconds) {
            optimize(name, table, milliseconds)
        }
    }

    private func note(_ text: String) {
        condition.locked { done = (done + [text]).suffix(Self.doneMax) }
    }

    /// - Parameter now: milliseconds since the run began.
    private func optimize(_ name: String, _ table: MixedTable, _ now: Int64) {
        do throws(WeirError) {
            let table = try table.refreshed()
            let settings = OptimizingSettings(table.properties)
            guard settings.isEnabled else { return optimizing.looked(at: name, settings, atMilliseconds: now) }
            let optimizer = TableOptimizer(
                settings,
                owner: owner,
                threads: settings.threads(cores: ProcessInfo.processInfo.activeProcessorCount),
                nowMilliseconds: nowMilliseconds
            )
            var kinds: Set<OptimizingKind> = []
            let (_, report) = try optimizer.run(
                table,
                optimizing.request(for: name, atMilliseconds: now),
                except: optimizing.leftOut(of: name, atMilliseconds: now),
                rounds: 1,
                onPlan: { kinds.formUnion($0.plan.steps.map(\.kind)) },
                check: { () throws(WeirError) in try check() }
            )
            var next = settings
            // More of a table that lags behind comes with the next look: other tables get their turn before.
            if report.rounds > 0 { next.planInterval = 0 }
            optimizing.optimized(name, kinds, next, atMilliseconds: now)
            for path in optimizing.leaveOut(Array(report.unusable.keys), of: name, atMilliseconds: now) {
                onWarning("a file of \(name) is left as it is: \(report.unusable[path]?.description ?? path)")
            }
            if !report.rewrite.isNothing {
                condition.locked { optimized[name, default: OptimizingProgress()].add(report.rewrite) }
            }
        } catch {
            guard error.code != .cancelled, optimizing.failed(name, error, atMilliseconds: now) else { return }
            onWarning("\(name) is not optimized: \(error). Nothing is lost; it is tried again later")
        }
    }
}
