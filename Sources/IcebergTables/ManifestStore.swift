import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

/// Reads manifests and manifest lists through a cache.
///
/// Manifests are immutable, so the cache needs no invalidation. All tables share it.
struct ManifestStore: Sendable {
    let storage: any ObjectStorage

    func manifests(of snapshot: Snapshot) throws(WeirError) -> [ManifestFile] {
        if let key = snapshot.keyId {
            throw WeirError(
                .unsupported,
                "the table is encrypted: the manifest list of snapshot \(snapshot.id) has the key '\(key)', and Weir does not "
                    + "read encrypted tables",
                at: snapshot.manifestList,
                advice: "have the engine that wrote the table copy it into one without encryption"
            )
        }
        if let path = snapshot.manifestList {
            if let known = ManifestCache.shared.list(path) { return known }
            let manifests = try ManifestList.decode(try storage.read(path), at: path)
            ManifestCache.shared.store(manifests, list: path)
            return manifests
        }
        // Version 1 metadata without a manifest list has only the paths of the manifests.
        var manifests: [ManifestFile] = []
        for path in snapshot.manifests {
            let bytes = try storage.read(path)
            manifests.append(
                ManifestFile(
                    path: path,
                    length: Int64(bytes.count),
                    specId: try Manifest.partitionSpecId(bytes, at: path) ?? 0,
                    addedSnapshotId: snapshot.id
                )
            )
        }
        return manifests
    }

    func entries(of manifest: ManifestFile, _ metadata: TableMetadata) throws(WeirError) -> [ManifestEntry] {
        if let known = ManifestCache.shared.entries(manifest) { return known }
        guard let spec = metadata.spec(id: manifest.specId) else {
            throw WeirError(.corrupt, "a manifest has the unknown partition spec \(manifest.specId)", at: manifest.path)
        }
        let entries = try Manifest.decode(
            try storage.read(manifest.path),
            manifest,
            partitionType: metadata.partitionType(spec)
        )
        ManifestCache.shared.store(entries, manifest)
        return entries
    }
}
