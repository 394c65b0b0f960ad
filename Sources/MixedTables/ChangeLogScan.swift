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
/// Commits are read in the order of their transactions. Within a commit, rows are merged by file offset over all
/// partitions and nodes, not per group as in the spec's reader, so a row that moved to another partition leaves the old
/// one before it enters the new one.
public struct ChangeLogScan: Sendable {
    public let schema: Schema
    private let table: MixedTable
    private let commits: [Commit]

    private struct Commit: Sendable {
        /// The transaction; for an unkeyed table, the index of the commit.
        let order: Int64
        let sequence: Int64
        var files: [NodeTask.File]
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
    public init(
        _ table: MixedTable,
        since start: ChangePosition,
        upTo sequence: Int64 = .max,
        columns: Schema? = nil,
        takesWhatIsThere: Bool = false
    ) throws(WeirError) {
        self.table = table
        schema = columns ?? table.schema
        let history = try table.commits(since: start)
        guard let change = table.change else {
            let additions = try table.additions(of: history, since: start, upTo: sequence)
            commits = additions.enumerated().map { index, addition in
                let files = addition.tasks.map { task in
                    let role = FileRole(type: .insert, node: .root, transactionId: task.dataSequenceNumber)
                    return NodeTask.File(task: task, role: role, isBase: false)
                }
                return Commit(order: Int64(index), sequence: addition.sequence, files: files)
            }
            return
        }
        if !takesWhatIsThere, let missing = try MissingChanges(in: change, history, above: start.sequence) {
            throw missing.error(table.identifier)
        }
        commits = try Self.commits(of: change, after: start.sequence, upTo: sequence)
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
        return commits.sorted { ($0.order, $0.sequence) < ($1.order, $1.sequence) }
    }

    /// Reads everything in order; the body returns false to stop.
    public func forEach(_ body: (ChangeLogBatch) throws(WeirError) -> Bool) throws(WeirError) {
        let projection = try TableProjection(table)
        for commit in commits {
            let merge = try ChangeMerge(
                commit.files,
                storage: (table.change ?? table.base).storage,
                projection: projection,
                schema: schema,
                primaryKey: table.primaryKey,
                keysAreNarrow: table.keysAreNarrow
            )
            while let (rows, kinds) = try merge.next(rowsMax: Self.batchRows) {
                if try !body(ChangeLogBatch(rows: rows, kinds: kinds, sequence: commit.sequence)) { return }
            }
        }
    }
}
