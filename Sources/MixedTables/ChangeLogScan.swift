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

/// The change store of a keyed table read as a stream (spec section 4.7); for an unkeyed table, the rows its appends
/// added.
///
/// Commits come in the order of their transactions. Inside a commit rows are merged by file offset over all partitions
/// and nodes, not per group as the spec's reader does: a row that moved to another partition then leaves the old one
/// before it enters the new one.
public struct ChangeLogScan: Sendable {
    public let schema: Schema
    private let table: MixedTable
    private let commits: [Commit]

    private struct Commit: Sendable {
        let transactionId: Int64
        let sequence: Int64
        var files: [NodeTask.File]
    }

    /// Rows a batch holds at most.
    static let batchRows = 16_384

    /// Changes with a data sequence number above `after`, up to and including `sequence`.
    ///
    /// - Parameter columns: what the rows hold; all of the table's when nil.
    public init(
        _ table: MixedTable,
        after: Int64,
        upTo sequence: Int64 = .max,
        columns: Schema? = nil
    ) throws(WeirError) {
        self.table = table
        schema = columns ?? table.schema
        var commits: [Commit] = []
        for task in try Self.files(of: table, after: after, upTo: sequence) {
            let number = task.dataSequenceNumber
            let role =
                table.isKeyed
                ? FileRole.change(path: task.file.path, dataSequenceNumber: number)
                : FileRole(type: .insert, node: .root, transactionId: number)
            let file = NodeTask.File(task: task, role: role, isBase: false)
            if let known = commits.firstIndex(where: { $0.transactionId == role.transactionId && $0.sequence == number }
            ) {
                commits[known].files.append(file)
            } else {
                commits.append(Commit(transactionId: role.transactionId, sequence: number, files: [file]))
            }
        }
        self.commits = commits.sorted { ($0.transactionId, $0.sequence) < ($1.transactionId, $1.sequence) }
    }

    private static func files(
        of table: MixedTable,
        after: Int64,
        upTo sequence: Int64
    ) throws(WeirError) -> [FileScanTask] {
        guard let change = table.change else {
            return try table.base.appendedFiles(after: after, upTo: sequence)
        }
        guard let current = change.metadata.currentSnapshot else { return [] }
        return try change.plan(snapshotId: current.id, sequencesAbove: after).filter {
            $0.dataSequenceNumber <= sequence
        }
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
