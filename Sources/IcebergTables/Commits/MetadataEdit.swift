import Bytes
import Columnar
import IcebergFormat

/// A change of metadata that creates no snapshot, made anew on each attempt from the metadata the attempt is based on.
struct MetadataEdit: Sendable {
    let updates: @Sendable (TableMetadata) throws(WeirError) -> [TableUpdate]

    init(_ updates: @escaping @Sendable (TableMetadata) throws(WeirError) -> [TableUpdate]) { self.updates = updates }

    static func removeProperties(_ keys: [String]) -> MetadataEdit {
        MetadataEdit { (metadata) throws(WeirError) in
            let present = keys.filter { metadata.properties[$0] != nil }
            return present.isEmpty ? [] : [.removeProperties(present)]
        }
    }

    static func setSchema(_ make: @escaping @Sendable (TableMetadata) throws(WeirError) -> Schema) -> MetadataEdit {
        MetadataEdit { (metadata) throws(WeirError) in
            let identifiers = metadata.currentSchema.identifierFieldIds
            let id = (metadata.schemas.map(\.id).max() ?? -1) + 1
            let schema = TableSchema(id: id, schema: try make(metadata), identifierFieldIds: identifiers)
            return [.addSchema(schema), .setCurrentSchema(id: TableUpdate.lastAdded)]
        }
    }

    static func removeSnapshots(_ ids: Set<Int64>) -> MetadataEdit {
        MetadataEdit { (metadata) throws(WeirError) in
            let kept = Set(metadata.references.values.map(\.snapshotId))
            let removed = metadata.snapshots.map(\.id).filter { ids.contains($0) && !kept.contains($0) }
            return removed.isEmpty ? [] : [.removeSnapshots(ids: removed)]
        }
    }
}
