import Bytes
import IcebergFormat
import ObjectStorage

/// The part of a commit that expires snapshots: each commit that adds some removes those that are too many or too old.
///
/// Only metadata forgets them. Their files stay, since readers may be at work that have found them there.
struct ExpiryPart {
    private(set) var updates: [TableUpdate] = []
    /// Entries of the new snapshot's summary, taken over from expired ones.
    private(set) var summary: [String: String] = [:]

    /// - Parameter adding: snapshots that the commit adds; without any it expires nothing.
    init(_ metadata: TableMetadata, adding: Int, _ storage: any ObjectStorage, nowMs: Int64) {
        if adding == 0 { return }
        let retention = SnapshotRetention(metadata.properties)
        var expiry = SnapshotExpiry(metadata, retention, adding: adding, nowMs: nowMs)
        if expiry.isEmpty { return }
        let marks = FlinkMarks.carry(from: metadata, &expiry, ageMs: retention.flinkAgeMs, nowMs: nowMs)
        // What cannot be read now stays until a later commit; this one has nothing to do with it.
        guard let records = try? Self.records(of: metadata, &expiry, storage) else { return }
        updates = records
        summary = marks
        remove(expiry)
    }

    /// The same by itself, without a new snapshot. Fails if something cannot be read that must be remembered.
    init(expiring metadata: TableMetadata, _ storage: any ObjectStorage, nowMs: Int64) throws(WeirError) {
        let retention = SnapshotRetention(metadata.properties)
        var expiry = SnapshotExpiry(metadata, retention, nowMs: nowMs)
        FlinkMarks.keep(in: metadata, &expiry, ageMs: retention.flinkAgeMs, nowMs: nowMs)
        if expiry.isEmpty { return }
        updates = try Self.records(of: metadata, &expiry, storage)
        remove(expiry)
    }

    private mutating func remove(_ expiry: SnapshotExpiry) {
        updates += expiry.references.map { .removeReference(name: $0) }
        if !expiry.snapshots.isEmpty { updates.append(.removeSnapshots(ids: expiry.snapshots)) }
    }

    /// What the table remembers of the snapshots that go.
    private static func records(
        of metadata: TableMetadata,
        _ expiry: inout SnapshotExpiry,
        _ storage: any ObjectStorage
    ) throws(WeirError) -> [TableUpdate] {
        var updates: [TableUpdate] = []
        if ExpiredCommits.areKept(metadata.properties) {
            let store = ManifestStore(storage: storage)
            let record = try ExpiredCommits.recorded(metadata, &expiry) { (snapshot) throws(WeirError) in
                try store.greatestRemoved(by: snapshot, metadata)
            }
            if let record { updates.append(.setProperties([ExpiredCommits.property: record.json])) }
        }
        if ExpiredBaseCommits.areKept(metadata.properties),
            let record = ExpiredBaseCommits.recorded(metadata, expiry)
        {
            updates.append(.setProperties([ExpiredBaseCommits.property: record.json]))
        }
        return updates
    }
}

extension ManifestStore {
    /// The greatest data sequence number of the data files that a snapshot removed; 0 for none. Nil if its manifests are
    /// gone, damaged, or do not list them all.
    fileprivate func greatestRemoved(by snapshot: Snapshot, _ metadata: TableMetadata) throws(WeirError) -> Int64? {
        var (greatest, count) = (Int64(0), Int64(0))
        do throws(WeirError) {
            for manifest in try manifests(of: snapshot)
            where manifest.content == .data && manifest.addedSnapshotId == snapshot.id && manifest.deletedFiles != 0 {
                for entry in try entries(of: manifest, metadata)
                where entry.status == .deleted && entry.snapshotId == snapshot.id {
                    guard let sequence = entry.dataSequenceNumber else { return nil }
                    greatest = max(greatest, sequence)
                    count += 1
                }
            }
        } catch {
            if error.code == .storage { throw error }
            return nil
        }
        return count < snapshot.summary["deleted-data-files"].flatMap { Int64($0) } ?? 0 ? nil : greatest
    }
}
