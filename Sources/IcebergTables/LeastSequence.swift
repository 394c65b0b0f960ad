import Bytes
import IcebergFormat

/// The smallest sequence number that a manifest list states of a manifest's files. Readers pass over delete files by it: one
/// that is too high brings deleted rows back, and earlier versions wrote such ones for manifests with old and new files.
extension ManifestStore {
    /// The manifest with the number its live files have, where the list cannot be right.
    func withLeastSequence(_ manifest: ManifestFile, _ metadata: TableMetadata) throws(WeirError) -> ManifestFile {
        guard manifest.mayOverstateLeast else { return manifest }
        let numbers = try entries(of: manifest, metadata).filter(\.isLive).compactMap(\.dataSequenceNumber)
        guard let least = numbers.min(), least < manifest.minSequenceNumber else { return manifest }
        var result = manifest
        result.minSequenceNumber = least
        return result
    }
}

extension ManifestFile {
    /// Whether it holds files of earlier commits and yet says that all are of its own: looking into it is only worth it then.
    fileprivate var mayOverstateLeast: Bool {
        existingFiles ?? 1 > 0 && sequenceNumber > 0 && minSequenceNumber >= sequenceNumber
    }
}

extension Table {
    /// Manifests of the current snapshot of which the manifest list states a too high smallest sequence number. The next
    /// snapshot states the right one.
    public func overstatedManifests() throws(WeirError) -> [String] {
        guard let snapshot = metadata.currentSnapshot else { return [] }
        let store = ManifestStore(storage: storage)
        var found: [String] = []
        for manifest in try store.manifests(of: snapshot) where manifest.mayHaveLiveFiles {
            if try store.withLeastSequence(manifest, metadata) != manifest { found.append(manifest.path) }
        }
        return found
    }
}
