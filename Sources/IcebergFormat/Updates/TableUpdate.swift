import Bytes

/// One change of a table's metadata, in the words of the Iceberg REST catalog ("TableUpdate" in its OpenAPI document).
///
/// An id of −1 where a schema, spec or sort order is chosen names the one that was added last by the same list.
public enum TableUpdate: Hashable, Sendable {
    case assignUUID(String)
    case upgradeFormatVersion(Int)
    /// A schema with the same columns is used again under its own id; an id that is taken is replaced by the next one.
    case addSchema(TableSchema)
    case setCurrentSchema(id: Int)
    /// Like `addSchema`.
    case addSpec(PartitionSpec)
    case setDefaultSpec(id: Int)
    /// Like `addSchema`.
    case addSortOrder(SortOrder)
    case setDefaultSortOrder(id: Int)
    case addSnapshot(Snapshot)
    /// Creates or moves a branch or tag. The branch main decides which snapshot is current.
    case setReference(name: String, SnapshotReference)
    /// Snapshots that a branch or tag is at cannot be removed; those that are gone already are ignored.
    case removeSnapshots(ids: [Int64])
    case removeReference(name: String)
    case setLocation(String)
    case setProperties([String: String])
    case removeProperties([String])
    /// Replaces the snapshot's earlier file.
    case setStatistics(StatisticsFile)
    case removeStatistics(snapshotId: Int64)
    /// Replaces the snapshot's earlier file.
    case setPartitionStatistics(PartitionStatisticsFile)
    case removePartitionStatistics(snapshotId: Int64)
    case removeSchemas(ids: [Int])
    case removeSpecs(ids: [Int])

    /// Names the schema, spec or sort order that was added last.
    public static let lastAdded = -1
}
