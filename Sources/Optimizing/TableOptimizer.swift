import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

/// Optimizes one table beside whoever writes it: evaluates, plans, executes and commits, until a plan has nothing to do.
///
/// Across processes one at a time does so, by a lease that ends by itself. Of what another writer has replaced meanwhile
/// nothing is committed, and it is planned again; work that brings nothing several times in a row ends with an error.
public struct TableOptimizer: Sendable {
    /// What was found to be done.
    public struct Evaluation: Sendable {
        public let table: MixedTable
        public let tasks: [FileScanTask]
        public let picture: TablePicture
        public let plan: OptimizingPlan
        public let health: HealthScore

        /// The plan's files.
        public var work: [BaseRewrite.Task] {
            plan.steps.map { step in
                BaseRewrite.Task(step.work == .rows ? .rows : .deletes, step.files.map { tasks[$0] })
            }
        }
    }

    /// What was done.
    public struct Report: Sendable, Equatable {
        /// Rows that came to base from the change store, and those deleted there.
        public var inserted: Int64 = 0
        public var deleted: Int64 = 0
        public var rewrite = BaseRewrite.Outcome()
        /// Partitions of which files were rewritten.
        public var partitions: Set<String> = []
        public var rounds = 0
        /// Files that could not be worked on, with the reasons: damaged, gone, or of an unknown kind.
        public var unusable: [String: WeirError] = [:]
        /// Why not everything was done; nil if it was.
        public var unfinished: String?

        public init() {}
        public var isNothing: Bool { inserted == 0 && deleted == 0 && rewrite.isNothing }
    }

    public let settings: OptimizingSettings
    private let owner: String
    private let threads: Int
    private let clock: TransactionClock?
    private let nowMilliseconds: @Sendable () -> Int64
    private let bytesMax: Int64

    /// Bytes that one commit replaces, for each thread (spec section 10.4).
    private static let bytesOfThread: Int64 = 512 << 20
    public static let roundsMax = 10_000

    /// - Parameters:
    ///   - settings: nil for the table's.
    ///   - threads: that work on the table; nil for the table's quota of the machine's cores.
    ///   - clock: of the commits; nil for the catalog's.
    ///   - nowMilliseconds: the wall clock, milliseconds since 1970.
    public init(
        _ settings: OptimizingSettings,
        owner: String = OptimizingLease.newOwner(),
        threads: Int,
        clock: TransactionClock? = nil,
        nowMilliseconds: @escaping @Sendable () -> Int64
    ) {
        (self.settings, self.owner, self.threads) = (settings, owner, max(1, threads))
        (self.clock, self.nowMilliseconds) = (clock, nowMilliseconds)
        bytesMax = Self.bytesOfThread * Int64(max(1, threads))
    }

    // MARK: Evaluate and plan

    /// - Parameters:
    ///   - table: with the state to look at.
    ///   - leftOut: paths of files that are not worked on.
    public func evaluate(
        _ table: MixedTable,
        _ request: OptimizingStrategy.Request,
        except leftOut: Set<String> = []
    ) throws(WeirError) -> Evaluation {
        let tasks = try table.base.plan().filter { !leftOut.contains($0.file.path) }
        let picture = TablePicture(tasks, of: table, buckets: try table.nodesOfBase())
        var equalityRecords: [DataFile.ContentLocation: Int64] = [:]
        for delete in tasks.flatMap(\.deletes) where delete.content == .equalityDeletes {
            equalityRecords[delete.file.contentLocation] = delete.file.recordCount
        }
        return Evaluation(
            table: table,
            tasks: tasks,
            picture: picture,
            plan: OptimizingStrategy(settings, bytesMax: bytesMax).plan(picture, request),
            health: HealthScore(
                picture,
                settings,
                equalityRecords: equalityRecords.values.reduce(0) { $0.addingClamped($1) }
            )
        )
    }

    // MARK: Execute and commit

    /// - Parameters:
    ///   - leftOut: paths of files that are not worked on.
    ///   - rounds: plans that are carried out at most.
    ///   - onPlan: called with each plan before it is carried out.
    ///   - check: called for each batch of rows; an error it throws ends the work, and the table is as the last commit
    ///     left it.
    /// - Throws: `conflict` when another process optimizes the table, or when all attempts were in vain.
    public func run(
        _ table: MixedTable,
        _ request: OptimizingStrategy.Request,
        except leftOut: Set<String> = [],
        rounds: Int = roundsMax,
        onPlan: (Evaluation) -> Void = { _ in },
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> (table: MixedTable, report: Report) {
        var report = Report()
        var table = try moveChanges(of: table.refreshed(), into: &report, check)
        if report.unfinished == Self.mergedByRewriting { return (table, report) }
        var (request, leftOut) = (request, leftOut)
        var evaluation = try evaluate(table, request, except: leftOut)
        if evaluation.plan.isEmpty { return (table, report) }
        // A commit gives it back as well.
        defer { try? OptimizingLease.give(table, by: owner) }
        var failures = 0
        while !evaluation.plan.isEmpty, report.rounds < rounds {
            _ = try lease(table)
            onPlan(evaluation)
            var renewed = nowMilliseconds()
            let current = evaluation.table
            let renew = { () throws(WeirError) in
                try check()
                let now = nowMilliseconds()
                guard now - renewed >= OptimizingLease.renewMilliseconds || now < renewed else { return }
                renewed = now
                _ = try lease(current)
            }
            var rewrite = try BaseRewrite.run(
                evaluation.work,
                of: current,
                targetBytes: settings.targetBytes,
                threads: threads,
                check: renew
            )
            rewrite.owner = owner
            report.unusable.merge(rewrite.unusable) { $1 }
            leftOut.formUnion(rewrite.unusable.keys)
            let (next, outcome) = try rewrite.commit(
                to: current,
                clock: clock,
                nowMilliseconds: nowMilliseconds(),
                check: renew
            )
            report.rounds += 1
            report.rewrite.add(outcome)
            report.partitions.formUnion(evaluation.plan.steps.map(\.partition))
            failures = outcome.isNothing && rewrite.unusable.isEmpty ? failures + 1 : 0
            guard failures <= settings.retries else {
                throw WeirError(
                    .conflict,
                    "\(table.identifier) is changed by others faster than it can be optimized: \(outcome.refused.first ?? "")",
                    advice: "optimize it when less is written, or raise self-optimizing.execute.num-retries"
                )
            }
            table = next
            // What a full rewrite by interval has written is as it should be.
            if case .due(let sinceMinor, _) = request, evaluation.plan.kind == .full {
                request = .due(sinceMinor: sinceMinor, sinceFull: 0)
            }
            evaluation = try evaluate(table, request, except: leftOut)
        }
        return (table, report)
    }

    private func lease(_ table: MixedTable) throws(WeirError) -> MixedTable {
        if let taken = try OptimizingLease.take(on: table, as: owner, nowMilliseconds: nowMilliseconds()) {
            return taken
        }
        let until = try OptimizingLease(table.refreshed())?.until ?? 0
        let seconds = max(1, (until - nowMilliseconds()) / 1000)
        throw WeirError(
            .conflict,
            "another process optimizes \(table.identifier)",
            advice: "wait until it is done; if it has died, its claim ends in \(CountText.of(seconds, "second"))"
        )
    }

    // MARK: Changes

    static let mergedByRewriting = "its changes were merged by rewriting, since another optimizer works on the table"
    private static let stepsMax = 10_000

    /// Moves all committed changes of a keyed table into base.
    private func moveChanges(
        of table: MixedTable,
        into report: inout Report,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> MixedTable {
        guard table.isKeyed, table.change?.currentSnapshot != nil else { return table }
        let materializer = Materializer(table, clock: clock ?? .system)
        var outrun = 0
        for _ in 0..<Self.stepsMax {
            try check()
            switch try materializer.step(
                bytesMax: 256 << 20,
                rewriteBytes: 0,
                nowMilliseconds: nowMilliseconds(),
                check: check
            ) {
            case .merged(let merge):
                report.inserted = report.inserted.addingClamped(merge.inserted)
                report.deleted = report.deleted.addingClamped(merge.deleted)
                outrun = 0
            case .caughtUp: return materializer.table
            case .awaitsTransaction:
                report.unfinished =
                    "another engine has begun a transaction: changes since then come to base once it has ended"
                return materializer.table
            case .held:
                throw WeirError(
                    .conflict,
                    "another process rewrites all of \(table.identifier)",
                    advice: "run optimize again when it is done"
                )
            case .outrun:
                outrun += 1
                guard outrun < 100 else {
                    throw WeirError(
                        .conflict,
                        "others always change \(table.identifier) first",
                        advice: "run optimize again when less is written"
                    )
                }
            case .foreignOptimizer:
                let repeated = RepeatedOptimize(nowMilliseconds: nowMilliseconds)
                let (_, after, outcome) = try repeated.run(table, onConflict: { _, _ in }, onBatch: check)
                report.rewrite.removedFiles += outcome.removedFiles
                report.rewrite.addedFiles += outcome.addedFiles
                report.rewrite.rows += outcome.rows
                report.unfinished = Self.mergedByRewriting
                return after
            }
        }
        return materializer.table
    }
}
