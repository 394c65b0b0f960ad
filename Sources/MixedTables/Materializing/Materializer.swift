import Bytes
import IcebergFormat
import IcebergTables

/// Moves changes of a keyed table into base, slice by slice, so that every engine that reads Iceberg sees them.
///
/// ```
/// change files that base lacks ─ slice ─> new rows      ─> B files            ─┐
///                                         deleted keys  ─> index ─> PD files   ├─> one commit of base
///                                         sequences     ─> Puffin, property   ─┘
/// ```
/// A crash before the commit leaves files that nothing refers to. Other processes and engines may commit to base at any
/// time: the commit then does nothing, and the next step follows theirs. Used by one thread at a time.
public final class Materializer {
    /// What one step did.
    public enum Step: Sendable, Equatable {
        /// Base has everything that is committed.
        case caughtUp
        case merged(Merge)
        /// Another writer's commit to base came first; nothing was changed.
        case outrun
        /// A process rewrites base and has asked for nothing else to change it (`BaseHold`).
        case held
        /// Base has everything up to a transaction that another engine has begun.
        case awaitsTransaction(OpenTransaction)
        /// Amoro optimizes base, which excludes doing so here.
        case foreignOptimizer
    }

    /// Counts of one commit.
    public struct Merge: Sendable, Equatable {
        /// Rows that came to base, rows that were deleted from it, and rows that were written again.
        public var inserted: Int64
        public var deleted: Int64
        public var rewritten: Int64
        /// The change-store sequence up to which base has everything.
        public var sequence: Int64
        public var snapshotId: Int64
        /// Whether more is waiting, as of the state that the step saw.
        public var isLast: Bool
    }

    /// The newest state that a step has seen or made.
    public internal(set) var table: MixedTable
    /// What the last step saw that base lacked, and what is left of it.
    public private(set) var backlog = MaterializeBacklog()
    /// Rows that another optimizer has brought to base beside a row of the same key, or for a key that was deleted.
    public private(set) var returnedRows = 0
    /// The owner of this process's claims to rewrite files (`OptimizingLease`).
    public var leaseOwner: String?
    /// Steps rewrite no file that is larger than this.
    public var rewriteFileBytes = Int64.max
    /// Base files that are being written anew: they stay until that is committed.
    var keptFiles: Set<String> = []
    var keys: BaseKeys? { didSet { if keys == nil { state?.giveUp() } } }
    private let state: KeyIndexState?
    /// Nothing of the change store up to a sequence is left to move, in base snapshots from this one on.
    private var floor: (snapshotId: Int64?, sequence: Int64)?
    private var random = SystemRandomNumberGenerator()
    let clock: TransactionClock

    /// - Parameters:
    ///   - table: a keyed table.
    ///   - state: where the key index is besides memory; nil for nowhere.
    ///   - clock: of the commits.
    public init(_ table: MixedTable, state: KeyIndexState? = nil, clock: TransactionClock = .system) {
        precondition(table.isKeyed, "an unkeyed table has no changes to move")
        self.table = table
        self.state = state
        self.clock = clock
    }

    /// Keys of base that are known.
    public var keyCount: Int { keys?.count ?? 0 }
    /// Bytes of memory that the key index takes, and of its files.
    public var keyBytes: (memory: Int, disk: Int) { (keys?.places.byteCount ?? 0, state?.diskBytes ?? 0) }
    /// Keys read from base so far by the index in use.
    public var loadedKeys: Int { keys?.loaded ?? 0 }

    /// Moves the oldest changes that base lacks, about `bytesMax` of them.
    ///
    /// - Parameters:
    ///   - rewriteBytes: how many bytes of base files with many deletes, or of small ones, may be rewritten on the way;
    ///     only done when nothing is left to move.
    ///   - check: called for each batch; an error it throws ends the step without a change.
    ///   - onBacklog: called with `backlog` once the step has looked, and when it changes: a step may take long, or fail.
    public func step(
        bytesMax: Int64 = 64 << 20,
        rewriteBytes: Int64 = 128 << 20,
        nowMilliseconds: Int64,
        check: () throws(WeirError) -> Void = {},
        onBacklog: (MaterializeBacklog) -> Void = { _ in }
    ) throws(WeirError) -> Step {
        switch try look(at: try table.refreshed(), nowMilliseconds: nowMilliseconds, check: check, onBacklog: onBacklog)
        {
        case .nothing(let step): return step
        case .changes(let pending):
            let move = try merge(
                pending,
                bytesMax: bytesMax,
                rewriteBytes: rewriteBytes,
                nowMilliseconds: nowMilliseconds,
                check: check,
                onBacklog: onBacklog
            )
            let base: Table
            do throws(WeirError) {
                try check()
                base = try move.transaction.commit()
            } catch {
                if error.code != .unknownState { discard(move) }
                guard error.code == .conflict else { throw error }
                let current = try? table.refreshed()
                let isHeld = current.map { $0.isHeld(nowMilliseconds) } ?? false
                return isHeld ? .held : .outrun
            }
            return finish(move, base, check: check, onBacklog: onBacklog)
        }
    }

    // MARK: Plan

    /// What a step finds to do.
    enum Look {
        case nothing(Step)
        case changes(Pending)
    }

    /// Change files that base lacks and that can be moved.
    struct Pending {
        let files: [FileScanTask]
        /// Whether these are all that base lacks.
        let isAll: Bool
        let optimized: OptimizedSequence

        var bytes: Int64 { files.reduce(0) { $0.addingClamped($1.file.fileSize) } }
    }

    /// Goes on with a state of the table, and finds what base lacks in it.
    func look(
        at newest: MixedTable,
        nowMilliseconds: Int64,
        check: () throws(WeirError) -> Void,
        onBacklog: (MaterializeBacklog) -> Void
    ) throws(WeirError) -> Look {
        table = newest
        let snapshotId = table.base.metadata.currentSnapshotId
        let optimized = try OptimizedSequence.read(table.base, snapshotId: snapshotId)
        if table.isOptimizedElsewhere {
            backlog = MaterializeBacklog()
            onBacklog(backlog)
            if keys?.canFollow(table) == true { _ = try followedKeys(optimized, onBacklog, check) }
            keys = nil
            return .nothing(.foreignOptimizer)
        }
        let (pending, open) = try pendingFiles(optimized, nowMilliseconds)
        backlog = MaterializeBacklog(pending, of: table)
        onBacklog(backlog)
        if table.isHeld(nowMilliseconds), !pending.isEmpty { return .nothing(.held) }
        let movable = open.map { open in pending.filter { $0.dataSequenceNumber < open.bound } } ?? pending
        if movable.isEmpty {
            let newest = table.change?.metadata.currentSnapshot?.sequenceNumber ?? 0
            floor = (snapshotId, min(newest, open.map { $0.bound - 1 } ?? newest))
            if let open, !pending.isEmpty { return .nothing(.awaitsTransaction(open)) }
            return .nothing(.caughtUp)
        }
        return .changes(Pending(files: movable, isAll: movable.count == pending.count, optimized: optimized))
    }

    /// Changes whose files for base are written, and the commit that makes them visible.
    struct Move {
        let slice: ChangeSlice
        let merge: SliceMerge.Result
        let transaction: Transaction
        /// Whether nothing is left once they are moved, as of the state that was looked at.
        let isLast: Bool
    }

    /// Whether the keys that merging needs are known, up to what can be caught up quickly.
    var hasKeys: Bool { keys.map { $0.canFollow(table) && !$0.isWorn } ?? false }

    /// Writes the files for base of the oldest changes, about `bytesMax` of them.
    func merge(
        _ pending: Pending,
        bytesMax: Int64,
        rewriteBytes: Int64,
        nowMilliseconds: Int64,
        check: () throws(WeirError) -> Void,
        onBacklog: (MaterializeBacklog) -> Void
    ) throws(WeirError) -> Move {
        guard let slice = ChangeSlice(pending.files, bytesMax: bytesMax, spec: table.base.spec) else {
            preconditionFailure("there is nothing to merge")
        }
        let keys = try followedKeys(pending.optimized, onBacklog, check)
        let lease = OptimizingLease(table)
        let isRewrittenElsewhere = lease.map { $0.owner != leaseOwner && $0.isInForce(nowMilliseconds) } ?? false
        let merge = try SliceMerge.run(
            slice,
            of: table,
            keys: keys,
            rewriteBytes: slice.isLast ? rewriteBytes : 0,
            rewriteFileBytes: rewriteFileBytes,
            keeping: { [keptFiles] in isRewrittenElsewhere || keptFiles.contains($0) },
            random: &random,
            check: check
        )
        do throws(WeirError) {
            return Move(
                slice: slice,
                merge: merge,
                transaction: try transaction(slice, merge, keys, pending.optimized, nowMilliseconds),
                isLast: slice.isLast && pending.isAll
            )
        } catch {
            for file in merge.written { try? table.base.storage.delete(file.path) }
            throw error
        }
    }

    /// Deletes the files of a move that is known not to be committed.
    func discard(_ move: Move) {
        for file in move.merge.written { try? table.base.storage.delete(file.path) }
    }

    /// Goes on with base as it is after the commit of a move.
    func finish(
        _ move: Move,
        _ base: Table,
        check: () throws(WeirError) -> Void,
        onBacklog: (MaterializeBacklog) -> Void
    ) -> Step {
        let (slice, merge) = (move.slice, move.merge)
        table = table.with(base: base)
        floor = (base.metadata.currentSnapshotId, slice.upTo)
        backlog.remove(upTo: slice.upTo)
        onBacklog(backlog)
        try? apply(merge, base, check)
        return .merged(
            Merge(
                inserted: merge.inserted,
                deleted: merge.deleted,
                rewritten: merge.rewritten,
                sequence: slice.upTo,
                snapshotId: base.metadata.currentSnapshotId ?? 0,
                isLast: move.isLast
            )
        )
    }

    /// The change files that base lacks, and the transaction that those from its beginning on wait for.
    private func pendingFiles(
        _ optimized: OptimizedSequence,
        _ nowMilliseconds: Int64
    ) throws(WeirError) -> (files: [FileScanTask], open: OpenTransaction?) {
        guard let change = table.change, change.metadata.currentSnapshot != nil else { return ([], nil) }
        var above: Int64 = 0
        if let floor {
            // Base may have been rolled back since. Without partitions the map says whether it has what it had then.
            let isKnown = table.base.metadata.history(since: floor.snapshotId).beginning == .found
            let hasIt = table.base.spec.fields.isEmpty && optimized.sequence(ofPartition: []) >= floor.sequence
            if isKnown || hasIt { above = floor.sequence }
        }
        var pending: [FileScanTask] = []
        let files = try change.plan(sequencesAbove: above)
        for task in files {
            guard task.dataSequenceNumber > 0 else { throw NodeTaskPlan.withoutSequence(task.file.path) }
            guard task.specId == table.base.spec.id else { throw NodeTaskPlan.otherSpec(task.file.path) }
            if task.dataSequenceNumber > optimized.sequence(ofPartition: task.file.partition) { pending.append(task) }
        }
        let open = try OpenTransaction(
            in: change,
            table.base,
            optimized,
            above: above,
            nowMilliseconds: nowMilliseconds
        ) { files }
        return (pending, open)
    }

    /// The key index as of the current state of base.
    private func followedKeys(
        _ optimized: OptimizedSequence,
        _ onBacklog: (MaterializeBacklog) -> Void,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> BaseKeys {
        if let known = keys, known.canFollow(table), !known.isWorn {
            keys = nil
            returnedRows += try known.follow(table, optimized, check: check)
            keys = known
            return known
        }
        keys = nil
        backlog.isLoading = true
        onBacklog(backlog)
        defer {
            backlog.isLoading = false
            onBacklog(backlog)
        }
        if let state, let saved = try BaseKeys.reopened(table, optimized, state, check: check) {
            returnedRows += saved.returned
            keys = saved.keys
            return saved.keys
        }
        let loaded = try BaseKeys(table, state: state, check: check)
        keys = loaded
        return loaded
    }

    // MARK: The key index

    /// Saves the key index for the next process, if it has changed since that was last done.
    ///
    /// - Parameter check: called now and then; an error it throws ends the saving, and what was saved before stays.
    /// - Returns: whether the keys are known.
    @discardableResult
    public func saveKeys(check: () throws(WeirError) -> Void = {}) -> Bool {
        guard let keys else { return false }
        keys.save(check: check)
        return true
    }

    /// Moves parts of the key index to files if it takes more memory than it may, since others have come to need more.
    public func trimKeys() { keys?.trim() }

    /// Gives the folder of the key index back. Steps after that read the keys again.
    public func end() {
        keys = nil
        state?.end()
    }

    // MARK: Commit

    private func transaction(
        _ slice: ChangeSlice,
        _ merge: SliceMerge.Result,
        _ keys: BaseKeys,
        _ known: OptimizedSequence,
        _ nowMilliseconds: Int64
    ) throws(WeirError) -> Transaction {
        let base = table.base
        var transaction = Transaction(base, clock: clock)
        let (start, identifier) = (base.metadata.currentSnapshotId, table.identifier)
        // Rows that others add are older than the changes of this slice, which may concern them.
        transaction.require { (metadata) throws(WeirError) in
            guard metadata.currentSnapshotId == start else {
                throw WeirError(.conflict, "the base store of \(identifier) changed while changes were moved into it")
            }
            // It may have been asked for since the step began, by one that would be in vain now.
            guard !BaseHold.isInForce(metadata.properties, nowMilliseconds: nowMilliseconds) else {
                throw WeirError(.conflict, "the base store of \(identifier) is to be left alone")
            }
        }
        let summary = try transaction.setOptimized(
            slice.sequences,
            after: known,
            of: base,
            nowMilliseconds: nowMilliseconds
        )
        let retired = merge.retired.compactMap { keys.files[$0] }
        let removedDeletes =
            retired.flatMap { $0.ownDeletes.map(\.file) } + merge.deletes.flatMap { $0.replaced.map(\.file) }
        // Changes that cancel each other out have no files; the sequence needs a snapshot all the same.
        if merge.added.isEmpty, merge.deletes.isEmpty, retired.isEmpty {
            transaction.append([], summary: summary)
        } else {
            transaction.overwrite(
                adding: merge.added,
                addingDeletes: merge.deletes.map(\.added),
                removing: retired.map(\.file),
                removingDeletes: removedDeletes,
                summary: summary
            )
        }
        return transaction
    }

    /// Brings the index to an own commit; on failure it is loaded again for the next step.
    private func apply(
        _ merge: SliceMerge.Result,
        _ base: Table,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        guard let known = keys, let snapshot = base.metadata.currentSnapshot else { return }
        keys = nil
        var commit = BaseKeys.Commit(base: base)
        commit.removed = merge.removedKeys
        commit.retired = merge.retired
        commit.deletes = merge.deletes.map { change in
            let new = DeleteFile(file: change.added, dataSequenceNumber: snapshot.sequenceNumber)
            return (change.number, change.kept + [new], change.rows)
        }
        commit.added = merge.added.map { file in
            FileScanTask(
                file: file,
                dataSequenceNumber: snapshot.sequenceNumber,
                fileSequenceNumber: snapshot.sequenceNumber,
                snapshotId: snapshot.id
            )
        }
        if RowLineage.isKept(by: base) {
            // The commit has given the files their first row ids.
            let paths = Set(merge.added.map(\.path))
            let isNumbered = known.files.haveRowIds
            let tasks = try base.plan(sequencesAbove: isNumbered ? snapshot.sequenceNumber - 1 : 0)
            commit.added = tasks.filter { paths.contains($0.file.path) }
            if !isNumbered { commit.numbered = tasks }
        }
        try known.apply(commit, of: table, check: check)
        keys = known
    }
}

extension MixedTable {
    /// Whether a process that rewrites base has asked for nothing else to change it.
    func isHeld(_ nowMilliseconds: Int64) -> Bool {
        BaseHold.isInForce(properties, nowMilliseconds: nowMilliseconds)
    }
}
