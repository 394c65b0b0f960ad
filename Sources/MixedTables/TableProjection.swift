import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// The column projection of both stores of a table: each store's files are read with its own specs and name mapping.
struct TableProjection: Sendable {
    private let base: ColumnProjection
    private let change: ColumnProjection?

    init(_ table: MixedTable) throws(WeirError) {
        base = try ColumnProjection(table.base.metadata)
        change = try table.change.map { (store) throws(WeirError) in try ColumnProjection(store.metadata) }
    }

    func columns(of file: NodeTask.File) -> FileColumns {
        (file.isBase ? base : change ?? base).columns(of: file.task.file)
    }

    func columns(ofBase file: DataFile) -> FileColumns { base.columns(of: file) }
}
