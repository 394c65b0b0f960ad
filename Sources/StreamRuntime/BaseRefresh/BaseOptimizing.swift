import Bytes
import Foundation
import IcebergTables
import MixedTables
import Optimizing

/// Optimizes the base stores of a run's tables: decides between the steps that move changes, has files written anew on
/// another thread, and commits them between two steps. Used by the base thread.
///
/// ```
/// base thread     step … look, lease ─┐      step … step … step ┌─ commit, step …
/// rewrite thread                      └─ write new files ───────┘
/// ```
struct BaseOptimizing {
    private let names: [String]
    private let clock: RunClock
    private let start: RunClock.Instant
    private let nowMilliseconds: @Sendable () -> Int64
    private let owner = OptimizingLease.newOwner()
    private let thread: RewriteThread
    private var schedule = OptimizingSchedule()
    private var kinds: Set<OptimizingKind> = []
    private var leaseRenewed: RunClock.Instant
    private var begun: RunClock.Instant
    private(set) var progress: [String: OptimizingProgress] = [:]

    /// How often a table is looked at that does not say so itself.
    private static let lookMilliseconds: Int64 = 10_000
    /// Larger files than this are not rewritten by steps that move changes.
    private static let stepFileBytes: Int64 = 4 << 20
    /// A rewrite that takes longer, on a disk that hangs for example, holds no other process up.
    private static let deadline = Duration.seconds(3600)
    /// Bytes that one rewrite replaces, for each thread: what a crash or the end of the run may waste.
    private static let bytesOfThread: Int64 = 256 << 20

    /// - Parameter onEnd: called on another thread when `commitDone` has something to do.
    init(
        _ names: [String],
        clock: RunClock,
        nowMilliseconds: @escaping @Sendable () -> Int64,
        onEnd: @escaping @Sendable () -> Void
    ) {
        (self.names, self.clock, self.nowMilliseconds) = (names, clock, nowMilliseconds)
        (start, leaseRenewed, begun) = (clock.now, clock.now, clock.now)
        thread = RewriteThread(onEnd: onEnd)
    }

    var hasResult: Bool { thread.hasResult }

    private var elapsed: Int64 { Int64(max(0, start.duration(to: clock.now) / .milliseconds(1))) }

    // MARK: Begin

    /// Looks whether a table is due, and begins if it is and nothing else is under way.
    ///
    /// - Returns: what to tell.
    mutating func beginIfDue(_ table: Int, _ materializer: Materializer) -> String? {
        let name = names[table]
        let settings = OptimizingSettings(materializer.table.properties)
        materializer.rewriteFileBytes = settings.isEnabled ? Self.stepFileBytes : .max
        materializer.leaseOwner = owner
        guard settings.isEnabled, thread.table == nil, schedule.isLookedAt(name, atMilliseconds: elapsed),
            let known = materializer.baseFiles
        else { return nil }
        let leftOut = schedule.leftOut(of: name, atMilliseconds: elapsed)
        let files = leftOut.isEmpty ? known : known.filter { !leftOut.contains($0.file.path) }
        let state = materializer.table
        do throws(WeirError) {
            let threads = settings.threads(cores: ProcessInfo.processInfo.activeProcessorCount)
            let strategy = OptimizingStrategy(settings, bytesMax: Self.bytesOfThread * Int64(threads))
            let picture = TablePicture(files, of: state, buckets: try state.nodesOfBase())
            let plan = strategy.plan(picture, schedule.request(for: name, atMilliseconds: elapsed))
            guard !plan.isEmpty else {
                schedule.looked(at: name, spaced(settings, state), atMilliseconds: elapsed)
                return nil
            }
            guard try OptimizingLease.take(on: state, as: owner, nowMilliseconds: nowMilliseconds()) != nil else {
                // Another process is at it, or about to be.
                schedule.looked(at: name, spaced(settings, state), atMilliseconds: elapsed)
                return nil
            }
            (leaseRenewed, begun) = (clock.now, clock.now)
            kinds = Set(plan.steps.map(\.kind))
            let work = plan.steps.map { step in
                BaseRewrite.Task(step.work == .rows ? .rows : .deletes, step.files.map { files[$0] })
            }
            materializer.keep(Set(work.flatMap { $0.files.map(\.file.path) }))
            thread.begin(
                RewriteThread.Job(
                    table: table,
                    state: state,
                    tasks: work,
                    targetBytes: settings.targetBytes,
                    threads: threads
                )
            )
            return nil
        } catch {
            return failed(table, error)
        }
    }

    private func spaced(_ settings: OptimizingSettings, _ table: MixedTable) -> OptimizingSettings {
        var settings = settings
        let names = ["self-optimizing.min-plan-interval", "optimize.min-plan-interval"]
        if !names.contains(where: { table.properties[$0] != nil }) { settings.planInterval = Self.lookMilliseconds }
        return settings
    }

    private mutating func failed(_ table: Int, _ error: WeirError) -> String? {
        guard error.code != .cancelled, schedule.failed(names[table], error, atMilliseconds: elapsed) else {
            return nil
        }
        progress[names[table], default: OptimizingProgress()].failures += 1
        return "\(names[table]) is not optimized: \(error). Nothing is lost; it is tried again later"
    }

    // MARK: Commit

    /// Commits a rewrite that has ended, and keeps the claim of one that goes on.
    ///
    /// - Returns: the table, and what to tell; nil if nothing has ended.
    mutating func commitDone(
        _ materializers: [Materializer],
        check: () throws(WeirError) -> Void
    ) -> (table: Int, notice: String?)? {
        guard let (job, result) = thread.take() else {
            renew(materializers)
            return nil
        }
        let materializer = materializers[job.table]
        switch result {
        case .failed(let error):
            materializer.keep([])
            give(materializer)
            return (job.table, failed(job.table, error))
        case .done(var rewrite):
            rewrite.owner = owner
            let unusable = schedule.leaveOut(
                Array(rewrite.unusable.keys),
                of: names[job.table],
                atMilliseconds: elapsed
            )
            let notice = unusable.first.map { path in
                "a file of \(names[job.table]) is left as it is: \(rewrite.unusable[path]?.description ?? path)"
            }
            do throws(WeirError) {
                let outcome = try materializer.commit(rewrite, nowMilliseconds: nowMilliseconds(), check: check)
                let settings = spaced(OptimizingSettings(materializer.table.properties), materializer.table)
                if outcome.isNothing {
                    give(materializer)
                    guard let reason = outcome.refused.first else {
                        schedule.looked(at: names[job.table], settings, atMilliseconds: elapsed)
                        return (job.table, notice)
                    }
                    return (job.table, failed(job.table, WeirError(.conflict, reason)))
                }
                schedule.optimized(names[job.table], kinds, settings, atMilliseconds: elapsed)
                progress[names[job.table], default: OptimizingProgress()].add(outcome)
                return (job.table, notice)
            } catch {
                give(materializer)
                return (job.table, failed(job.table, error))
            }
        }
    }

    private func give(_ materializer: Materializer) { try? OptimizingLease.give(materializer.table, by: owner) }

    private mutating func renew(_ materializers: [Materializer]) {
        guard let table = thread.table, clock.now - leaseRenewed >= .milliseconds(OptimizingLease.renewMilliseconds),
            clock.now - begun < Self.deadline
        else { return }
        leaseRenewed = clock.now
        _ = try? OptimizingLease.take(on: materializers[table].table, as: owner, nowMilliseconds: nowMilliseconds())
    }

    /// Ends what is under way, for a run that ends.
    mutating func end(_ materializers: [Materializer], within patience: Duration) {
        guard let table = thread.table else { return }
        thread.cancel(within: patience)
        materializers[table].keep([])
        try? OptimizingLease.give(materializers[table].table, by: owner)
    }
}

/// What a run has done to optimize a table.
public struct OptimizingProgress: Sendable, Equatable {
    public internal(set) var commits = 0
    public internal(set) var failures = 0
    public internal(set) var filesBefore = 0
    public internal(set) var filesAfter = 0
    public internal(set) var rows: Int64 = 0
    /// Bytes of new data files.
    public internal(set) var bytes: Int64 = 0
    /// Rows that were deleted between the reading of files and the commit of the new ones.
    public internal(set) var movedDeletes: Int64 = 0

    public init() {}

    mutating func add(_ outcome: BaseRewrite.Outcome) {
        commits += 1
        filesBefore += outcome.removedFiles
        filesAfter += outcome.addedFiles
        rows = rows.addingClamped(outcome.rows)
        bytes = bytes.addingClamped(outcome.bytes)
        movedDeletes = movedDeletes.addingClamped(outcome.movedDeletes)
    }
}
