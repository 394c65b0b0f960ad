import Bytes
import Columnar
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// The table with the columns of a read point, according to its snapshot's schema: later renames, drops and type
    /// changes are not visible. For reading only. A snapshot without a schema id gives the table with its current
    /// columns.
    public func seen(at point: ReadPoint) throws(WeirError) -> MixedTable {
        let (store, id) =
            if let change, let id = point.changeSnapshotId { (change, Optional(id)) } else {
                (base, point.baseSnapshotId)
            }
        guard let id, let schemaId = try store.requireSnapshot(id: id).schemaId else { return self }
        guard let old = store.metadata.schema(id: schemaId)?.schema else {
            throw WeirError(
                .corrupt,
                "snapshot \(id) has schema \(schemaId), which is not among the schemas of the table",
                at: store.metadataLocation
            )
        }
        return MixedTable(
            base: base,
            change: change,
            primaryKey: primaryKey.map { old.field(id: $0.id) ?? $0 },
            schema: old
        )
    }
}
