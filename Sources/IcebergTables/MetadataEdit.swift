import Bytes
import Columnar
import IcebergFormat

/// A metadata change that does not create a snapshot.
enum MetadataEdit: Sendable {
    case setProperties([String: String])
    case computeProperties(@Sendable (TableMetadata) throws(WeirError) -> [String: String])
    case removeProperties([String])
    case setSchema(@Sendable (TableMetadata) throws(WeirError) -> Schema)
    case removeSnapshots(Set<Int64>)

    func apply(to metadata: inout TableMetadata) throws(WeirError) {
        switch self {
        case .setProperties(let properties): metadata.setProperties(properties)
        case .computeProperties(let make): metadata.setProperties(try make(metadata))
        case .removeProperties(let keys): metadata.removeProperties(keys)
        case .setSchema(let make):
            let schema = try make(metadata)
            metadata.setSchema(schema, identifierFieldIds: metadata.currentSchema.identifierFieldIds)
        case .removeSnapshots(let ids): metadata.removeSnapshots(ids)
        }
    }
}
