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
        if ExpiredCommits.areKept(metadata.properties) {
            let store = ManifestStore(storage: storage)
            do throws(WeirError) {
                let record = try ExpiredCommits.recorded(metadata, &expiry) { (snapshot) throws(WeirError) in
                    try store.greatestRemoved(by: snapshot, metadata)
                }
                if let record { updates.append(.setProperties([ExpiredCommits.property: record.json])) }
            } catch {
                // What cannot be read now stays until a later commit; this one has nothing to do with it.
                return
            }
        }
        if ExpiredBaseCommits.areKept(metadata.properties),
            let record = ExpiredBaseCommits.recorded(metadata, expiry)
        {
            updates.append(.setProperties([ExpiredBaseCommits.property: record.json]))
        }
        summary = marks
        updates += expiry.references.map { .removeReference(name: $0) }
        if !expiry.snapshots.isEmpty { updates.append(.removeSnapshots(ids: expiry.snapshots)) }
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
