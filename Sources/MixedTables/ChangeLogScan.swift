import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables

/// Changes of one commit, in the order they happened.
public struct ChangeLogBatch: Sendable {
    public let rows: ColumnBatch
    /// One `ChangeKind` raw value a row.
    public let kinds: Buffer
    /// The change-store data sequence number of the commit.
    public let sequence: Int64

    public var count: Int { rows.count }

    public func kind(_ row: Int) -> ChangeKind {
        ChangeKind(rawValue: kinds.values(as: UInt8.self)[row]).unsafelyUnwrapped
    }
}

/// Reads the change store of a keyed table as a stream (spec section 4.7); for an unkeyed table, the rows that its
/// commits added.
///
/// Commits are read in the order in which they became visible, and the transactions of one in the order of their ids:
/// whoever has read up to a commit gets nothing before it later. Within a transaction, rows are merged by file offset over all
/// partitions and nodes, not per group as in the spec's reader, so a row that moved to another partition leaves the old
/// one before it enters the new one.
public struct ChangeLogScan: Sendable {
    public let schema: Schema
    private let table: MixedTable
    private let commits: [Commit]
    /// The commits of the range, in order, with and without changes; those of format version 1 have no numbers and are
    /// not among them.
    public let marks: [CommitMark]
    private let skip: ChangeSkip

    private struct Commit: Sendable {
        /// The transaction; for an unkeyed table, the index of the commit.
        let order: Int64
        let sequence: Int64
        var files: [NodeTask.File]

        var changes: Int64 { files.reduce(Int64(0)) { $0.addingClamped($1.task.file.recordCount) } }
    }

    /// The maximum number of rows in a batch.
    static let batchRows = 16_384

    /// Reads changes with a data sequence number above `after`, up to and including `sequence`. Only for tables of
    /// format version 2, whose sequence numbers identify commits.
    ///
    /// - Parameter columns: the columns of the rows; nil for all of the table's.
    public init(
        _ table: MixedTable,
        after: Int64,
        upTo sequence: Int64 = .max,
        columns: Schema? = nil
    ) throws(WeirError) {
        try self.init(table, since: ChangePosition(sequence: after), upTo: sequence, columns: columns)
    }

    /// Reads the changes of the commits after a position, up to the table's loaded state. Fails with `notFound` when
    /// some of them have expired or were deleted.
    ///
    /// - Parameters:
    ///   - sequence: of the last commit to read.
    ///   - columns: the columns of the rows; nil for all of the table's.
    ///   - takesWhatIsThere: reads the remaining files of a keyed table even if others are missing.
    ///   - skip: changes behind the position to leave out. Fails with `notFound` if they are not there.
    public init(
        _ table: MixedTable,
        since start: ChangePosition,
        upTo sequence: Int64 = .max,
        columns: Schema? = nil,
        takesWhatIsThere: Bool = false,
        skipping skip: ChangeSkip = .none
    ) throws(WeirError) {
        self.table = table
        self.skip = skip
        schema = columns ?? table.schema
        let history = try table.commits(since: start)
        commits = try Self.commits(
            of: table,
            history,
            since: start,
            upTo: sequence,
            takesWhatIsThere: takesWhatIsThere
        )
        marks = Self.marks(commits, history, upTo: sequence)
        try skip.check(commits.first?.sequence, Self.firstCount(commits), behind: start, of: table.identifier)
    }

    /// The changes of the first commit that has any.
    private static func firstCount(_ commits: [Commit]) -> Int64 {
        commits.prefix { $0.sequence == commits[0].sequence }.reduce(Int64(0)) { $0.addingClamped($1.changes) }
    }

    /// How many changes there are.
    public var changeCount: Int64 {
        commits.reduce(Int64(0)) { $0.addingClamped($1.changes) }.subtractingClamped(skip.count)
    }

    private static func marks(
        _ commits: [Commit],
        _ history: SnapshotHistory,
        upTo sequence: Int64
    ) -> [CommitMark] {
        var marks: [Int64: CommitMark] = [:]
        for snapshot in history.snapshots where snapshot.sequenceNumber > 0 && snapshot.sequenceNumber <= sequence {
            marks[snapshot.sequenceNumber] = CommitMark(snapshot)
        }
        for commit in commits where commit.sequence > 0 {
            marks[commit.sequence, default: CommitMark(commit.sequence)].changes += commit.changes
        }
        return marks.values.sorted { $0.sequence < $1.sequence }
    }

    private static func commits(
        of table: MixedTable,
        _ history: SnapshotHistory,
        since start: ChangePosition,
        upTo sequence: Int64,
        takesWhatIsThere: Bool
    ) throws(WeirError) -> [Commit] {
        guard let change = table.change else {
            let additions = try table.additions(of: history, since: start, upTo: sequence)
            return additions.enumerated().map { index, addition in
                let files = addition.tasks.map { task in
                    let role = FileRole(type: .insert, node: .root, transactionId: task.dataSequenceNumber)
                    return NodeTask.File(task: task, role: role, isBase: false)
                }
                return Commit(order: Int64(index), sequence: addition.sequence, files: files)
            }
        }
        if !takesWhatIsThere, let missing = try MissingChanges(in: change, history, above: start.sequence) {
            throw missing.error(table.identifier)
        }
        return try commits(of: change, after: start.sequence, upTo: sequence)
    }

    private static func commits(
        of change: Table,
        after: Int64,
        upTo sequence: Int64
    ) throws(WeirError) -> [Commit] {
        guard let current = change.metadata.currentSnapshot else { return [] }
        var commits: [Commit] = []
        for task in try change.plan(snapshotId: current.id, sequencesAbove: after) {
            let number = task.dataSequenceNumber
            guard number > 0 else { throw NodeTaskPlan.withoutSequence(task.file.path) }
            if number > sequence { continue }
            let role = FileRole.change(path: task.file.path, dataSequenceNumber: number)
            let file = NodeTask.File(task: task, role: role, isBase: false)
            if let known = commits.firstIndex(where: { $0.order == role.transactionId && $0.sequence == number }) {
                commits[known].files.append(file)
            } else {
                commits.append(Commit(order: role.transactionId, sequence: number, files: [file]))
            }
        }
        return commits.sorted { ($0.sequence, $0.order) < ($1.sequence, $1.order) }
    }

    /// Reads everything in order; a closure returns false to stop.
    ///
    /// - Parameters:
    ///   - ended: called behind the last change of each commit, and for each one without changes.
    public func forEach(
        _ body: (ChangeLogBatch) throws(WeirError) -> Bool,
        ended: (CommitMark) throws(WeirError) -> Bool
    ) throws(WeirError) {
        let projection = try TableProjection(table)
        var marks = self.marks[...]
        var skipped: Int64 = 0
        for (index, commit) in commits.enumerated() {
            while let mark = marks.first, mark.sequence < commit.sequence {
                marks.removeFirst()
                if try !ended(mark) { return }
            }
            let merge = try ChangeMerge(
                commit.files,
                storage: (table.change ?? table.base).storage,
                projection: projection,
                schema: schema,
                primaryKey: table.primaryKey,
                keysAreNarrow: table.keysAreNarrow
            )
            while let (rows, kinds) = try merge.next(rowsMax: Self.batchRows) {
                let left = Int(min(Int64(rows.count), skip.count - skipped))
                skipped += Int64(left)
                if left == rows.count { continue }
                let batch =
                    left == 0
                    ? ChangeLogBatch(rows: rows, kinds: kinds, sequence: commit.sequence)
                    : ChangeLogBatch(
                        rows: rows.sliced(from: left, count: rows.count - left),
                        kinds: kinds.slice(from: left, count: rows.count - left),
                        sequence: commit.sequence
                    )
                if try !body(batch) { return }
            }
            let next = index + 1
            if next < commits.count, commits[next].sequence == commit.sequence { continue }
            if marks.first?.sequence == commit.sequence, let mark = marks.popFirst(), try !ended(mark) { return }
        }
        for mark in marks where try !ended(mark) { return }
    }

    /// Reads everything in order; the body returns false to stop.
    public func forEach(_ body: (ChangeLogBatch) throws(WeirError) -> Bool) throws(WeirError) {
        try forEach(body, ended: { (_) throws(WeirError) in true })
    }
}
