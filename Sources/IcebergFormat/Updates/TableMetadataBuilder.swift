import Bytes

/// Applies updates to metadata one after the other, with the rules of Iceberg's Java library.
///
/// Fails with `invalid` for an update that does not fit; the metadata is then unchanged by it.
public struct TableMetadataBuilder: Sendable {
    public private(set) var metadata: TableMetadata
    /// The updates so far.
    public private(set) var updates: [TableUpdate] = []
    private let nowMs: Int64
    private var lastSchemaId: Int?
    private var lastSpecId: Int?
    private var lastSortOrderId: Int?
    private var addedSnapshots: Set<Int64> = []

    /// - Parameter nowMs: the time of the commit.
    public init(_ base: TableMetadata, nowMs: Int64) {
        metadata = base
        self.nowMs = nowMs
    }

    public mutating func apply(_ update: TableUpdate) throws(WeirError) {
        switch update {
        case .assignUUID(let uuid): metadata.tableUUID = uuid
        case .upgradeFormatVersion(let version): try upgrade(to: version)
        case .addSchema(let schema): try add(schema)
        case .setCurrentSchema(let id):
            metadata.currentSchemaId = try chosen(id, lastSchemaId, metadata.schemas.map(\.id), "schema")
        case .addSpec(let spec): add(spec)
        case .setDefaultSpec(let id):
            metadata.defaultSpecId = try chosen(id, lastSpecId, metadata.specs.map(\.id), "partition spec")
        case .addSortOrder(let order): add(order)
        case .setDefaultSortOrder(let id):
            metadata.defaultSortOrderId = try chosen(
                id,
                lastSortOrderId,
                metadata.sortOrders.map(\.id),
                "sort order"
            )
        case .addSnapshot(let snapshot): try add(snapshot)
        case .setReference(let name, let reference): try set(reference, name)
        case .removeSnapshots(let ids): try removeSnapshots(Set(ids))
        case .removeReference(let name):
            metadata.references[name] = nil
            if name == TableMetadata.mainBranch { metadata.currentSnapshotId = nil }
        case .setLocation(let location): metadata.location = location
        case .setProperties(let properties): metadata.properties.merge(properties) { $1 }
        case .removeProperties(let keys): for key in keys { metadata.properties[key] = nil }
        case .setStatistics(let file):
            metadata.statistics.removeAll { $0.snapshotId == file.snapshotId }
            metadata.statistics.append(file)
        case .removeStatistics(let id): metadata.statistics.removeAll { $0.snapshotId == id }
        case .setPartitionStatistics(let file):
            metadata.partitionStatistics.removeAll { $0.snapshotId == file.snapshotId }
            metadata.partitionStatistics.append(file)
        case .removePartitionStatistics(let id):
            metadata.partitionStatistics.removeAll { $0.snapshotId == id }
        case .removeSchemas(let ids):
            try refuse(ids, metadata.currentSchemaId, "the current schema")
            metadata.schemas.removeAll { ids.contains($0.id) }
        case .removeSpecs(let ids):
            try refuse(ids, metadata.defaultSpecId, "the default partition spec")
            metadata.specs.removeAll { ids.contains($0.id) }
        }
        updates.append(update)
        metadata.lastUpdatedMs = max(metadata.lastUpdatedMs, nowMs)
    }

    // MARK: - Format

    private mutating func upgrade(to version: Int) throws(WeirError) {
        guard version >= metadata.formatVersion else {
            throw invalid("the format version cannot go back from \(metadata.formatVersion) to \(version)")
        }
        guard version <= 3 else {
            throw WeirError(.unsupported, "format version \(version) is not supported", at: metadata.location)
        }
        if version == 3, metadata.formatVersion < 3 { metadata.nextRowId = 0 }
        metadata.formatVersion = version
    }

    // MARK: - Schemas, specs and sort orders

    private mutating func add(_ schema: TableSchema) throws(WeirError) {
        if let known = metadata.schemas.first(where: { $0.hasSameColumns(as: schema) }) {
            lastSchemaId = known.id
            return
        }
        do throws(WeirError) {
            try TableMetadata.checkColumns(schema)
        } catch {
            throw invalid(error.message)
        }
        let id = Self.freeId(schema.id, metadata.schemas.map(\.id))
        metadata.schemas.append(id == schema.id ? schema : schema.renumbered(id))
        metadata.lastColumnId = max(metadata.lastColumnId, schema.schema.highestFieldId)
        lastSchemaId = id
    }

    private mutating func add(_ spec: PartitionSpec) {
        if let known = metadata.specs.first(where: { $0.partitionsLike(spec) }) {
            lastSpecId = known.id
            return
        }
        let id = Self.freeId(spec.id, metadata.specs.map(\.id))
        metadata.specs.append(PartitionSpec(id: id, fields: spec.fields))
        metadata.lastPartitionId = max(metadata.lastPartitionId, spec.fields.map(\.id).max() ?? 0)
        lastSpecId = id
    }

    private mutating func add(_ order: SortOrder) {
        if let known = metadata.sortOrders.first(where: { $0.fields == order.fields }) {
            lastSortOrderId = known.id
            return
        }
        // 0 is the order of unsorted tables.
        let id = order.fields.isEmpty ? 0 : Self.freeId(max(1, order.id), metadata.sortOrders.map(\.id))
        metadata.sortOrders.append(id == order.id ? order : order.renumbered(id))
        lastSortOrderId = id
    }

    private static func freeId(_ wanted: Int, _ taken: [Int]) -> Int {
        let next = (taken.max() ?? -1) + 1
        return wanted < 0 || taken.contains(wanted) ? next : wanted
    }

    private func chosen(_ id: Int, _ last: Int?, _ known: [Int], _ kind: String) throws(WeirError) -> Int {
        if id == TableUpdate.lastAdded {
            guard let last else { throw invalid("no \(kind) was added that could be chosen") }
            return last
        }
        guard known.contains(id) else { throw invalid("there is no \(kind) \(id) to choose") }
        return id
    }

    private func refuse(_ ids: [Int], _ used: Int, _ what: String) throws(WeirError) {
        if ids.contains(used) { throw invalid("\(what), \(used), cannot be removed") }
    }

    // MARK: - Snapshots

    private mutating func add(_ snapshot: Snapshot) throws(WeirError) {
        guard metadata.snapshot(id: snapshot.id) == nil else {
            throw invalid("there is a snapshot \(snapshot.id) already")
        }
        if metadata.formatVersion > 1 {
            // The next commit must be able to increment the number.
            guard snapshot.sequenceNumber > metadata.lastSequenceNumber, snapshot.sequenceNumber < .max else {
                throw invalid(
                    "snapshot \(snapshot.id) has the sequence number \(snapshot.sequenceNumber), and the last one is "
                        + "\(metadata.lastSequenceNumber)"
                )
            }
        }
        if metadata.formatVersion > 2 { metadata.nextRowId = try nextRowId(after: snapshot) }
        if metadata.formatVersion > 1 { metadata.lastSequenceNumber = snapshot.sequenceNumber }
        metadata.lastUpdatedMs = max(metadata.lastUpdatedMs, snapshot.timestampMs)
        metadata.snapshots.append(snapshot)
        addedSnapshots.insert(snapshot.id)
    }

    private func nextRowId(after snapshot: Snapshot) throws(WeirError) -> Int64 {
        guard let next = metadata.nextRowId else {
            throw WeirError(
                .corrupt,
                "the metadata has no next-row-id, which format version 3 needs: ids would come twice"
            )
        }
        guard let first = snapshot.firstRowId, let rows = snapshot.addedRows, rows >= 0 else {
            throw invalid("snapshot \(snapshot.id) has no first row id, which format version 3 requires")
        }
        // Java advances the table's number by the rows that were added, wherever their ids begin.
        let (sum, overflow) = next.addingReportingOverflow(rows)
        guard first >= next, !overflow else {
            throw invalid("snapshot \(snapshot.id) begins at row id \(first), and the next free one is \(next)")
        }
        return sum
    }

    private mutating func set(_ reference: SnapshotReference, _ name: String) throws(WeirError) {
        if metadata.references[name]?.isSame(as: reference) == true { return }
        guard let snapshot = metadata.snapshot(id: reference.snapshotId) else {
            throw invalid("'\(name)' cannot be set to snapshot \(reference.snapshotId), which is not there")
        }
        if name == TableMetadata.mainBranch {
            guard !reference.isTag else { throw invalid("'\(name)' is a branch and cannot become a tag") }
            // A commit that only changes how long main's snapshots are kept moves nothing.
            if metadata.currentSnapshotId != snapshot.id {
                metadata.currentSnapshotId = snapshot.id
                let moved = addedSnapshots.contains(snapshot.id) ? snapshot.timestampMs : nowMs
                metadata.snapshotLog.append(SnapshotLogEntry(timestampMs: moved, snapshotId: snapshot.id))
            }
        }
        metadata.references[name] = reference
    }

    private mutating func removeSnapshots(_ ids: Set<Int64>) throws(WeirError) {
        for (name, reference) in metadata.references.sorted(by: { $0.key < $1.key })
        where ids.contains(reference.snapshotId) {
            throw invalid("'\(name)' is at snapshot \(reference.snapshotId), which can therefore not be removed")
        }
        metadata.snapshots.removeAll { ids.contains($0.id) }
        metadata.statistics.removeAll { ids.contains($0.snapshotId) }
        metadata.partitionStatistics.removeAll { ids.contains($0.snapshotId) }
        // The snapshot log must not have gaps, so drop all entries up to and including the last removed snapshot.
        if let last = metadata.snapshotLog.lastIndex(where: { ids.contains($0.snapshotId) }) {
            metadata.snapshotLog.removeFirst(last + 1)
        }
    }

    private func invalid(_ message: String) -> WeirError { WeirError(.invalid, message, at: metadata.location) }
}

extension TableMetadata {
    /// The metadata after a list of updates.
    ///
    /// - Parameter nowMs: the time of the commit.
    public func applying(_ updates: [TableUpdate], nowMs: Int64) throws(WeirError) -> TableMetadata {
        var builder = TableMetadataBuilder(self, nowMs: nowMs)
        for update in updates { try builder.apply(update) }
        return builder.metadata
    }
}
