import Bytes
import IcebergFormat
import IcebergTables

/// Data files of base, or of an unkeyed table, that are written anew beside whatever else commits to the table.
///
/// ```
/// state S ─ run ─> new files, row maps ─┐
///              deletes of others since S ┴─ commit ─> new files with these deletes, in place of the old ones
/// ```
/// A group of files that another writer has replaced meanwhile is left out; the others are committed. A crash leaves
/// files that nothing refers to.
public struct BaseRewrite: Sendable {
    /// Some data files of one partition, and what is done to them.
    public struct Task: Sendable {
        public enum Work: Sendable {
            /// Their live rows go to new files.
            case rows
            /// They stay; what removes rows of them becomes one delete file each, or one deletion vector.
            case deletes
        }

        public let work: Work
        public let files: [FileScanTask]

        public init(_ work: Work, _ files: [FileScanTask]) {
            precondition(!files.isEmpty, "a task has files")
            self.work = work
            self.files = files
        }
    }

    /// Counts of one commit.
    public struct Outcome: Sendable, Equatable {
        public var removedFiles = 0
        public var removedDeletes = 0
        public var addedFiles = 0
        public var addedDeletes = 0
        /// Live rows of the new files, and bytes of them.
        public var rows: Int64 = 0
        public var bytes: Int64 = 0
        /// Rows that others deleted between the reading and the commit.
        public var movedDeletes: Int64 = 0
        /// Why groups of files were left out.
        public var refused: [String] = []
        /// Commits that were made in vain, because others came first.
        public var conflicts = 0

        public init() {}

        public mutating func add(_ other: Outcome) {
            removedFiles += other.removedFiles
            removedDeletes += other.removedDeletes
            addedFiles += other.addedFiles
            addedDeletes += other.addedDeletes
            rows = rows.addingClamped(other.rows)
            bytes = bytes.addingClamped(other.bytes)
            movedDeletes = movedDeletes.addingClamped(other.movedDeletes)
            refused += other.refused
            conflicts += other.conflicts
        }

        public var isNothing: Bool { addedFiles + removedFiles + addedDeletes + removedDeletes == 0 }
    }

    /// The state that was read.
    struct Start: Sendable {
        let snapshotId: Int64?
        let sequence: Int64
        let formatVersion: Int
        let nextRowId: Int64?
        let location: String

        init(_ base: Table) {
            snapshotId = base.metadata.currentSnapshotId
            sequence = base.metadata.currentSnapshot?.sequenceNumber ?? 0
            formatVersion = base.metadata.formatVersion
            nextRowId = base.metadata.nextRowId
            location = base.metadata.location
        }
    }

    let start: Start
    private(set) var groups: [RewrittenFiles]
    /// Files that cannot be read or written anew, with the reasons; what was to be done with them is left out.
    public private(set) var unusable: [String: WeirError] = [:]
    /// Whose claim (`OptimizingLease`) the commit gives back; nil for no one's.
    public var owner: String?

    /// The data files that are written anew, or whose deletes are.
    public var paths: Set<String> { Set(groups.flatMap { $0.inputs.map(\.task.file.path) }) }
    /// Bytes of memory that the row maps take.
    public var mapBytes: Int { groups.reduce(0) { $0 + $1.inputs.reduce(0) { $0 + ($1.map?.byteCount ?? 0) } } }
    var outputs: [DataFile] { groups.flatMap(\.outputs) }

    /// Writes the new files.
    ///
    /// - Parameters:
    ///   - tasks: of files of the table's loaded state.
    ///   - targetBytes: of a new file; nil for that of the table's writers.
    ///   - threads: how many tasks are worked on at a time.
    ///   - check: called for each batch; an error it throws ends the work, and no file is left.
    public static func run(
        _ tasks: [Task],
        of table: MixedTable,
        targetBytes: Int64? = nil,
        threads: Int = 8,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> BaseRewrite {
        let rewriter = try FileRewriter(table, targetBytes: targetBytes ?? table.targetFileBytes)
        let written = Written(table.base)
        do throws(WeirError) {
            if threads <= 1 || tasks.count <= 1 {
                for task in tasks { try written.add(task) { () throws(WeirError) in try rewriter.run(task, check) } }
            } else {
                for start in stride(from: 0, to: tasks.count, by: threads) {
                    let some = Array(tasks[start..<min(tasks.count, start + threads)])
                    _ = try concurrently(some, check: check) { (task, stop) throws(WeirError) in
                        try written.add(task) { () throws(WeirError) in try rewriter.run(task, stop) }
                    }
                }
            }
            return BaseRewrite(start: Start(table.base), groups: written.all, unusable: written.unusable)
        } catch {
            written.discard()
            throw error
        }
    }

    /// Deletes the new files of a rewrite that is known not to be committed.
    public func discard(from table: MixedTable) { Self.delete(outputs, from: table.base) }

    static func delete(_ files: [DataFile], from base: Table) {
        for file in files { try? base.storage.delete(file.path) }
    }

    /// Fails if rows have got ids since they were read, or the table another format: the new files do not have them.
    func requireSameForm(_ base: Table) throws(WeirError) {
        let lacksIds =
            start.formatVersion > 2
            && groups.contains { $0.inputs.contains { $0.map != nil && $0.task.file.firstRowId == nil } }
        guard base.metadata.formatVersion == start.formatVersion,
            !lacksIds || base.metadata.nextRowId == start.nextRowId
        else {
            throw WeirError(
                .conflict,
                "the rows of \(base.identifier) have got ids while some of them were written anew",
                advice: "run optimize again"
            )
        }
    }

    // MARK: Commit

    /// Attempts that others may win before the commit is given up. Each starts from what is there then, and takes no
    /// longer than the others' new deletes take to read.
    private static let attemptsMax = 50

    /// Commits beside other writers. Groups that cannot be committed any more are left out.
    ///
    /// - Parameters:
    ///   - clock: of the commit; nil for the catalog's.
    ///   - nowMilliseconds: the wall clock, milliseconds since 1970.
    ///   - check: called periodically; an error it throws ends the work before the commit, and no file is left.
    /// - Returns: the table after the commit. Fails with `unknownState` when it is not known whether it took effect.
    public func commit(
        to table: MixedTable,
        clock: TransactionClock? = nil,
        nowMilliseconds: Int64,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        var table = table
        var conflicts = 0
        do throws(WeirError) {
            while true {
                try check()
                table = try table.refreshed()
                try requireSameForm(table.base)
                let tasks = try table.base.plan()
                let byPath = Dictionary(tasks.map { ($0.file.path, $0) }) { first, _ in first }
                let deletes = try RowDeletes(table)
                var commit = try RewriteCommit(
                    groups,
                    to: table.base,
                    isKeyed: table.isKeyed,
                    current: { (input) throws(WeirError) in
                        guard let task = byPath[input.task.file.path] else { return nil }
                        let isSame =
                            task.deletes.map(\.file.contentLocation) == input.task.deletes.map(\.file.contentLocation)
                        let positions = isSame ? input.positions : try deletes.positions(of: task, check: check)
                        return RewriteCommit.Current(deletes: task.deletes, deleted: positions)
                    },
                    check: check
                )
                commit.removeSharedDeletes(tasks)
                if commit.isEmpty {
                    discard(from: table)
                    return (table, outcome(of: commit, conflicts))
                }
                do throws(WeirError) {
                    let transaction = try transaction(of: commit, on: table, clock, nowMilliseconds)
                    let base = try transaction.commit()
                    finish(commit, on: base)
                    return (table.with(base: base), outcome(of: commit, conflicts))
                } catch {
                    if error.code != .unknownState { commit.discard(from: table.base) }
                    conflicts += 1
                    guard error.code == .conflict, conflicts < Self.attemptsMax else { throw error }
                }
            }
        } catch {
            if error.code != .unknownState { discard(from: table) }
            throw error
        }
    }

    /// The transaction of a commit that was made for the loaded state of the table.
    func transaction(
        of commit: RewriteCommit,
        on table: MixedTable,
        _ clock: TransactionClock?,
        _ nowMilliseconds: Int64
    ) throws(WeirError) -> Transaction {
        let base = table.base
        var transaction = Transaction(base, clock: clock)
        var summary = Snapshot.optimizingSummary
        // What was claimed for it is done.
        if let owner, OptimizingLease(table)?.owner == owner {
            transaction.removeProperties([OptimizingLease.property])
        }
        if table.isKeyed {
            // Base contains as much of the changes as before.
            summary = try transaction.setOptimized(
                [:],
                after: OptimizedSequence.read(base, snapshotId: base.metadata.currentSnapshotId),
                of: base,
                nowMilliseconds: nowMilliseconds
            )
            let current = base.metadata.currentSnapshotId
            let identifier = table.identifier
            transaction.require { (metadata) throws(WeirError) in
                guard metadata.currentSnapshotId == current else {
                    throw WeirError(.conflict, "the base store of \(identifier) changed while files were replaced")
                }
            }
        }
        transaction.overwrite(
            adding: commit.added,
            addingDeletes: commit.addedDeletes,
            removing: commit.removed,
            removingDeletes: commit.removedDeletes,
            summary: summary,
            operation: .replace,
            validateFrom: base.metadata.currentSnapshotId,
            dataSequenceNumber: table.isKeyed ? nil : start.sequence
        )
        return transaction
    }

    /// Deletes new files that the commit has no use for.
    func finish(_ commit: RewriteCommit, on base: Table) {
        Self.delete(commit.refused.flatMap(\.files.outputs), from: base)
        for change in commit.changes {
            Self.delete(change.emptied.sorted().map { change.files.outputs[$0] }, from: base)
        }
    }

    func outcome(of commit: RewriteCommit, _ conflicts: Int) -> Outcome {
        var outcome = Outcome()
        outcome.removedFiles = commit.removed.count
        outcome.removedDeletes = commit.removedDeletes.count
        outcome.addedFiles = commit.added.count
        outcome.addedDeletes = commit.addedDeletes.count
        for change in commit.changes where !change.files.keepsData {
            let outputs = change.files.outputs
            for rows in change.deletes.values { outcome.movedDeletes += Int64(rows.rows.count) }
            for index in change.emptied { outcome.movedDeletes += outputs[index].recordCount }
        }
        outcome.rows = commit.added.reduce(0) { $0.addingClamped($1.recordCount) }
        outcome.bytes = commit.added.reduce(0) { $0.addingClamped($1.fileSize) }
        outcome.refused = commit.refused.map(\.reason)
        outcome.conflicts = conflicts
        return outcome
    }
}

extension FileRewriter {
    fileprivate func run(
        _ task: BaseRewrite.Task,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> RewrittenFiles {
        switch task.work {
        case .rows: try rewrite(task.files, check: check)
        case .deletes: try deletes(of: task.files, check: check)
        }
    }
}
