import Bytes
import IcebergFormat
import ObjectStorage

extension Table {
    public var snapshots: [Snapshot] { metadata.snapshots }
    public var currentSnapshot: Snapshot? { metadata.currentSnapshot }

    public func requireSnapshot(id: Int64) throws(WeirError) -> Snapshot {
        guard let snapshot = metadata.snapshot(id: id) else {
            throw WeirError(
                .notFound,
                "table '\(identifier)' has no snapshot \(id)",
                advice: "it may have expired; 'weir table snapshots \(identifier)' lists those that are left"
            )
        }
        return snapshot
    }

    /// The snapshot that was current at a time.
    public func snapshot(asOf timestampMs: Int64) throws(WeirError) -> Snapshot {
        guard let snapshot = metadata.snapshot(asOf: timestampMs) else {
            let oldest = metadata.snapshotLog.first?.timestampMs ?? metadata.mainAncestors.last?.timestampMs
            throw WeirError(
                .notFound,
                "table '\(identifier)' has no snapshot as old as \(SnapshotTime.text(timestampMs))"
                    + (metadata.isHistoryCut ? ": it has expired" : ""),
                advice: oldest.map { "the oldest known is of \(SnapshotTime.text($0))" }
            )
        }
        return snapshot
    }

    /// A snapshot and its retained ancestors, newest first.
    public func ancestors(of snapshotId: Int64?) -> [Snapshot] {
        metadata.ancestors(of: snapshotId)
    }

    /// The manifests of a snapshot, from its manifest list.
    public func manifests(of snapshot: Snapshot) throws(WeirError) -> [ManifestFile] {
        try ManifestStore(storage: storage).manifests(of: snapshot)
    }

    /// The entries of a manifest, including deleted ones, with inherited sequence numbers filled in.
    public func entries(of manifest: ManifestFile) throws(WeirError) -> [ManifestEntry] {
        try ManifestStore(storage: storage).entries(of: manifest, metadata)
    }

    /// The statistics files registered for a snapshot.
    public func statistics(of snapshotId: Int64) -> [StatisticsFile] {
        metadata.statistics.filter { $0.snapshotId == snapshotId }
    }
}
