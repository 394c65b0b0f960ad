import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage

extension Table {
    /// Rewrites the manifest list so that every manifest claims that all its files are as new as the manifest, as
    /// earlier versions did. Replaces the metadata file in place, without a checksum.
    public func withRaisedSequenceNumbers() throws -> Table {
        guard let snapshot = currentSnapshot, let list = snapshot.manifestList else {
            throw WeirError(.notFound, "there is no snapshot")
        }
        let manifests = try ManifestList.decode(storage.read(list), at: list).map { manifest in
            var raised = manifest
            raised.minSequenceNumber = manifest.sequenceNumber
            return raised
        }
        // Under a new name, because parsed lists are cached by name.
        let forged = list.parentDirectory + "/raised-" + list.lastPathComponent
        let bytes = try ManifestList.encode(
            manifests,
            snapshotId: snapshot.id,
            parentId: snapshot.parentId,
            sequenceNumber: snapshot.sequenceNumber
        )
        try storage.putNew(forged, bytes)
        let path = LocalObjectStorage.localPath(metadataLocation)
        let text = try String(contentsOfFile: path, encoding: .utf8)
            .replacing(#/,"weir-crc32c":"[^"]*"/#, with: "")
            .replacingOccurrences(of: list.lastPathComponent, with: forged.lastPathComponent)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try catalog.load(identifier)
    }
}
