import Bytes
import Columnar

/// The contents of a metadata file.
///
/// Unknown members are preserved and written again.
public struct TableMetadata: Hashable, Sendable {
    public internal(set) var formatVersion: Int
    public internal(set) var tableUUID: String
    public internal(set) var location: String
    public internal(set) var lastSequenceNumber: Int64
    /// Milliseconds since 1970.
    public internal(set) var lastUpdatedMs: Int64
    /// The highest field id ever assigned to a column.
    public internal(set) var lastColumnId: Int
    public internal(set) var schemas: [TableSchema]
    public internal(set) var currentSchemaId: Int
    public internal(set) var specs: [PartitionSpec]
    public internal(set) var defaultSpecId: Int
    public internal(set) var lastPartitionId: Int
    public internal(set) var sortOrders: [SortOrder]
    public internal(set) var defaultSortOrderId: Int
    public internal(set) var properties: [String: String]
    public internal(set) var currentSnapshotId: Int64?
    /// Usually oldest first; the parent ids give the actual history.
    public internal(set) var snapshots: [Snapshot]
    public internal(set) var snapshotLog: [SnapshotLogEntry]
    public internal(set) var metadataLog: [MetadataLogEntry]
    public internal(set) var references: [String: SnapshotReference]
    public internal(set) var statistics: [StatisticsFile]
    public internal(set) var partitionStatistics: [PartitionStatisticsFile]
    /// The first row id that no row has yet (version 3).
    public internal(set) var nextRowId: Int64?
    /// Members without a property above, as they were read.
    let otherMembers: JSONObject
    let writtenSnapshots = WrittenList<Snapshot>()
    let writtenStatistics = WrittenList<StatisticsFile>()

    public static let mainBranch = "main"

    public var currentSchema: TableSchema { schemas.first { $0.id == currentSchemaId } ?? schemas[0] }
    public var schema: Schema { currentSchema.schema }
    public var spec: PartitionSpec { specs.first { $0.id == defaultSpecId } ?? specs[0] }
    public var currentSnapshot: Snapshot? { currentSnapshotId.flatMap { snapshot(id: $0) } }

    public func snapshot(id: Int64) -> Snapshot? { snapshots.last { $0.id == id } }
    public func schema(id: Int) -> TableSchema? { schemas.first { $0.id == id } }
    public func spec(id: Int) -> PartitionSpec? { specs.first { $0.id == id } }

    /// The partition type of a spec. Columns that were dropped since are looked up in older schemas.
    public func partitionType(_ spec: PartitionSpec) -> Schema { spec.partitionType(sources(of: spec)) }

    /// Whether manifests of the spec can be written: a table may have partitions of transforms that this version does
    /// not know.
    public func canWriteManifests(of spec: PartitionSpec) -> Bool { spec.hasKnownTypes(sources(of: spec)) }

    private func sources(of spec: PartitionSpec) -> Schema {
        var sources: [Field] = []
        for field in spec.fields {
            let known = schema.nestedField(id: field.sourceId)
            let dropped = { schemas.reversed().lazy.compactMap { $0.schema.nestedField(id: field.sourceId) }.first }
            if let source = known ?? dropped() { sources.append(source) }
        }
        return Schema(sources)
    }

    /// The metadata of a new table.
    ///
    /// Field ids are reassigned from 1, level by level, as in Java; the spec's source ids are mapped to them.
    public static func new(
        schema: Schema,
        spec: PartitionSpec,
        location: String,
        properties: [String: String],
        uuid: String,
        nowMs: Int64
    ) throws(WeirError) -> TableMetadata {
        let (fresh, ids, highest) = FreshFieldIds.assign(schema)
        var fields: [PartitionField] = []
        for (index, field) in spec.fields.enumerated() {
            guard let sourceId = ids[field.sourceId], let source = fresh.nestedField(id: sourceId) else {
                throw WeirError(
                    .invalid,
                    "partition field '\(field.name)' names column \(field.sourceId), which is not there"
                )
            }
            _ = try field.transform.requireResultType(for: source.type)
            fields.append(
                PartitionField(sourceId: sourceId, id: 1000 + index, name: field.name, transform: field.transform)
            )
        }
        var kept = properties
        // The format version is a member of the metadata. The property only selects it and is not stored.
        let version = kept.removeValue(forKey: "format-version") ?? "2"
        guard let formatVersion = Int(version), 2...3 ~= formatVersion else {
            throw WeirError(
                .unsupported,
                "tables of format version \(version) cannot be created",
                advice: "use version 2 or 3"
            )
        }
        return TableMetadata(
            formatVersion: formatVersion,
            tableUUID: uuid,
            location: location,
            lastSequenceNumber: 0,
            lastUpdatedMs: nowMs,
            lastColumnId: highest,
            schemas: [TableSchema(id: 0, schema: fresh)],
            currentSchemaId: 0,
            specs: [PartitionSpec(id: 0, fields: fields)],
            defaultSpecId: 0,
            lastPartitionId: 999 + fields.count,
            sortOrders: [.unsorted],
            defaultSortOrderId: 0,
            properties: kept,
            currentSnapshotId: nil,
            snapshots: [],
            snapshotLog: [],
            metadataLog: [],
            references: [:],
            statistics: [],
            partitionStatistics: [],
            nextRowId: formatVersion > 2 ? 0 : nil,
            otherMembers: JSONObject()
        )
    }
}

/// Assigns ids to the columns of a new table: all columns of one level before those nested in them.
enum FreshFieldIds {
    static func assign(_ schema: Schema) -> (schema: Schema, ids: [Int: Int], highest: Int) {
        var ids: [Int: Int] = [:]
        var last = 0
        func next(_ old: Int) -> Int {
            last += 1
            ids[old] = last
            return last
        }
        func assign(_ fields: [Field]) -> [Field] {
            let numbers = fields.map { next($0.id) }
            return zip(fields, numbers).map { field, id in
                Field(id: id, name: field.name, type: assign(field.type), isRequired: field.isRequired, doc: field.doc)
            }
        }
        func assign(_ type: FieldType) -> FieldType {
            switch type {
            case .structure(let fields): .structure(assign(fields))
            case .list(let element): .list(element: assign([element])[0])
            case .map(let key, let value):
                {
                    let both = assign([key, value])
                    return .map(key: both[0], value: both[1])
                }()
            default: type
            }
        }
        return (Schema(assign(schema.fields)), ids, last)
    }
}
