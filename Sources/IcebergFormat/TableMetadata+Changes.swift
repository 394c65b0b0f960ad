import Bytes
import Columnar

// The metadata changes of which commits consist. Each results in valid metadata.
extension TableMetadata {
    /// Adds a snapshot and makes it the head of the main branch.
    public mutating func append(_ snapshot: Snapshot) throws(WeirError) {
        guard snapshot.sequenceNumber > lastSequenceNumber else {
            throw WeirError(
                .invalid,
                "snapshot \(snapshot.id) has sequence number \(snapshot.sequenceNumber), already used"
            )
        }
        lastSequenceNumber = snapshot.sequenceNumber
        lastUpdatedMs = max(lastUpdatedMs, snapshot.timestampMs)
        snapshots.append(snapshot)
        snapshotLog.append(SnapshotLogEntry(timestampMs: snapshot.timestampMs, snapshotId: snapshot.id))
        currentSnapshotId = snapshot.id
        references[Self.mainBranch] =
            try references[Self.mainBranch]?.moved(to: snapshot.id) ?? SnapshotReference(branch: snapshot.id)
    }

    public mutating func setProperties(_ changes: [String: String]) { properties.merge(changes) { $1 } }

    public mutating func removeProperties(_ keys: some Sequence<String>) {
        for key in keys { properties[key] = nil }
    }

    /// Registers a statistics file, replacing the snapshot's earlier one.
    public mutating func setStatistics(_ file: StatisticsFile) {
        statistics.removeAll { $0.snapshotId == file.snapshotId }
        statistics.append(file)
    }

    /// Makes a schema current. A schema that equals an earlier one reuses its id.
    public mutating func setSchema(_ schema: Schema, identifierFieldIds: [Int]) {
        if let known = schemas.first(where: { $0.schema == schema && $0.identifierFieldIds == identifierFieldIds }) {
            currentSchemaId = known.id
            return
        }
        let id = (schemas.map(\.id).max() ?? -1) + 1
        schemas.append(TableSchema(id: id, schema: schema, identifierFieldIds: identifierFieldIds))
        currentSchemaId = id
        lastColumnId = max(lastColumnId, schema.highestFieldId)
    }

    /// Removes snapshots, except for the current one and those that a branch or tag refers to.
    public mutating func removeSnapshots(_ ids: Set<Int64>) {
        let kept = Set(references.values.map(\.snapshotId) + [currentSnapshotId].compactMap { $0 })
        let removed = ids.subtracting(kept)
        snapshots.removeAll { removed.contains($0.id) }
        statistics.removeAll { removed.contains($0.snapshotId) }
        // The snapshot log must not have gaps, so drop all entries up to and including the last removed snapshot.
        if let last = snapshotLog.lastIndex(where: { removed.contains($0.snapshotId) }) {
            snapshotLog.removeFirst(last + 1)
        }
    }

    /// Adds the replaced metadata file to the metadata log and drops the oldest entries beyond `limit`.
    ///
    /// - Returns: the dropped entries.
    public mutating func supersede(_ path: String, writtenAtMs: Int64, nowMs: Int64, limit: Int) -> [MetadataLogEntry] {
        metadataLog.append(MetadataLogEntry(timestampMs: writtenAtMs, path: path))
        lastUpdatedMs = max(lastUpdatedMs, nowMs)
        let forgotten = Array(metadataLog.prefix(max(0, metadataLog.count - max(1, limit))))
        metadataLog.removeFirst(forgotten.count)
        return forgotten
    }
}
