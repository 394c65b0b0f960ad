import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Finds which rows of data files their delete files remove, whatever the form of these. Each is read once.
struct RowDeletes: Sendable {
    private let table: MixedTable
    private let projection: TableProjection
    private let positions: PositionDeletes
    private let equality: EqualityDeletes

    init(_ table: MixedTable) throws(WeirError) {
        self.table = table
        projection = try TableProjection(table)
        positions = PositionDeletes(storage: table.base.storage)
        equality = EqualityDeletes(table, projection)
    }

    /// The rows that position deletes and deletion vectors remove.
    ///
    /// - Parameter check: called for each batch; an error it throws ends the reading.
    func positions(
        of task: FileScanTask,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> DeletedRows {
        if task.deletes.isEmpty { return DeletedRows() }
        let role =
            table.isKeyed ? FileRole.base(path: task.file.path) : FileRole(type: .base, node: .root, transactionId: 0)
        let file = NodeTask.File(task: task, role: role, isBase: true)
        // Delete files of this data file alone need not be kept for others.
        let isAlone = task.deletes.allSatisfy { $0.file.deletedDataFile == task.file.path }
        let reader = isAlone ? PositionDeletes(storage: positions.storage) : positions
        return DeletedRows(try reader.positions(for: file, check: check).sorted, rowCount: task.file.recordCount)
    }

    /// The rows that any deletes remove.
    ///
    /// - Parameters:
    ///   - positions: what `positions` gives for the file.
    ///   - check: called for each batch; an error it throws ends the reading.
    func all(
        of task: FileScanTask,
        positions: DeletedRows,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> DeletedRows {
        if !task.deletes.contains(where: { $0.content == .equalityDeletes }) { return positions }
        var rows = positions
        let file = NodeTask.File(
            task: task,
            role: FileRole(type: .base, node: .root, transactionId: 0),
            isBase: true
        )
        for removed in try equality.deletedKeys(for: file, isKeyed: table.isKeyed) {
            try check()
            try find(removed, in: task, &rows, check)
        }
        return rows
    }

    /// Notes the rows of a data file that have deleted values.
    private func find(
        _ removed: EqualityDeletes.Set,
        in task: FileScanTask,
        _ rows: inout DeletedRows,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        let reader = try DataFileReader.open(
            task.file,
            storage: table.base.storage,
            schema: Schema(removed.fields),
            columns: projection.columns(ofBase: task.file)
        )
        while let (batch, firstRow) = try reader.next() {
            try check()
            let prints = KeyFingerprints(batch.columns, count: batch.count, areNarrow: false)
            let kept = removed.keys.survivors(prints, transactionId: task.dataSequenceNumber) { _ in .max }
            if kept.count == batch.count { continue }
            var next = 0
            for row in 0..<batch.count {
                if next < kept.count, kept[next] == Int32(row) {
                    next += 1
                } else if firstRow + Int64(row) < min(task.file.recordCount, Int64(UInt32.max)) {
                    rows.insert(UInt32(firstRow) + UInt32(row))
                }
            }
        }
    }
}
