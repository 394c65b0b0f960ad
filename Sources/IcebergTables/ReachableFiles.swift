import Bytes
import IcebergFormat
import ObjectStorage

/// The files that a table's metadata references, which may be deleted with it. Other files in the table's folder may
/// belong to other tables.
public struct ReachableFiles: Sendable {
    /// Data and delete files that are live in any snapshot.
    public private(set) var data: Set<String> = []
    /// Manifests, manifest lists, statistics and metadata files, without the current metadata file.
    public private(set) var metadata: Set<String> = []
    public let current: String
    /// Files that a snapshot has removed, as the manifests say. Other snapshots may still have them.
    public private(set) var removed: Set<String> = []
    /// Those among them that a snapshot has removed which is left. Who reads the table as a stream of what was added finds
    /// there what commits had added that have expired.
    public private(set) var lastRemoved: Set<String> = []
    /// Manifests and manifest lists that do not exist any more. Files that only they referenced are unknown.
    public private(set) var missing: Set<String> = []

    /// Follows every snapshot. Manifests and manifest lists that are not found are recorded in `missing`; other read
    /// errors are thrown.
    public init(_ table: Table) throws(WeirError) {
        current = table.metadataLocation
        let store = ManifestStore(storage: table.storage)
        var manifests: [String: ManifestFile] = [:]
        let left = Set(table.metadata.snapshots.map(\.id))
        for snapshot in table.metadata.snapshots {
            if let list = snapshot.manifestList { metadata.insert(list) }
            do throws(WeirError) {
                for manifest in try store.manifests(of: snapshot) { manifests[manifest.path] = manifest }
            } catch  where error.code == .notFound {
                missing.formUnion(snapshot.manifestList.map { [$0] } ?? snapshot.manifests)
            }
        }
        for manifest in manifests.values {
            metadata.insert(manifest.path)
            do throws(WeirError) {
                for entry in try store.entries(of: manifest, table.metadata) {
                    if entry.isLive {
                        data.insert(entry.file.path)
                        continue
                    }
                    removed.insert(entry.file.path)
                    if entry.snapshotId.map(left.contains) ?? true { lastRemoved.insert(entry.file.path) }
                }
            } catch  where error.code == .notFound {
                missing.insert(manifest.path)
            }
        }
        metadata.formUnion(table.metadata.statistics.map(\.path))
        metadata.formUnion(table.metadata.partitionStatistics.map(\.path))
        metadata.formUnion(table.metadata.metadataLog.map(\.path))
        metadata.remove(current)
    }
}
