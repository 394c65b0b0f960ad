import Bytes
import IcebergFormat

/// Repairs `min_sequence_number` of manifests in a manifest list. Readers skip delete files by it, so a value that is
/// too high brings deleted rows back. Earlier versions wrote such values for manifests with both old and new files.
extension ManifestStore {
    /// The manifest with the minimum sequence number of its live files, if the list overstates it.
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
    /// Whether the manifest has existing files but states its own sequence number as the minimum. Only then it is read.
    fileprivate var mayOverstateLeast: Bool {
        existingFiles ?? 1 > 0 && sequenceNumber > 0 && minSequenceNumber >= sequenceNumber
    }
}

extension Table {
    /// Manifests of the current snapshot whose minimum sequence number is too high in the manifest list. The next
    /// snapshot corrects it.
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
