import Bytes
import IcebergFormat

/// Checks the commits made since the caller read the table for conflicts with the change.
struct CommitValidation {
    private let change: SnapshotChange
    private let metadata: TableMetadata
    private let store: ManifestStore

    init(_ change: SnapshotChange, _ metadata: TableMetadata, _ store: ManifestStore) {
        self.change = change
        self.metadata = metadata
        self.store = store
    }

    func check() throws(WeirError) {
        guard let start = change.validateFrom, start.id != metadata.currentSnapshotId else { return }
        let newer = metadata.history(since: start.id, sequence: start.sequenceNumber ?? 0)
        let deletes = change.addedDeletes.filter { $0.content == .positionDeletes }
        let byFile = Set(deletes.compactMap(\.deletedDataFile))
        let byBounds = deletes.filter { $0.deletedDataFile == nil }
        guard newer.beginning == .found else {
            if case .expired = newer.beginning, let sequence = start.sequenceNumber, sequence > 0, byBounds.isEmpty {
                return try checkState(after: sequence, byFile)
            }
            throw WeirError(
                .conflict,
                "snapshot \(start.id), which this change was made from, is not in the table's history",
                advice: "the table was rolled back or the snapshot expired; plan again"
            )
        }
        for snapshot in newer.snapshots where snapshot.operation != SnapshotOperation.append.rawValue {
            for manifest in try store.manifests(of: snapshot) where manifest.addedSnapshotId == snapshot.id {
                if manifest.content == .deletes, manifest.addedFiles != 0, !change.removed.isEmpty {
                    try checkNewDeletes(manifest, snapshot)
                }
                if manifest.content == .deletes, manifest.addedFiles != 0 { try checkVectors(manifest, snapshot) }
                if manifest.content == .data, manifest.deletedFiles != 0, !deletes.isEmpty {
                    try checkRemoved(manifest, snapshot, byFile, byBounds)
                }
            }
        }
    }

    /// A data file has at most one deletion vector, which must hold what an earlier one held.
    private func checkVectors(_ manifest: ManifestFile, _ snapshot: Snapshot) throws(WeirError) {
        let own = ownVectors
        if own.isEmpty { return }
        for entry in try store.entries(of: manifest, metadata)
        where entry.status == .added && entry.snapshotId == snapshot.id {
            try checkVector(entry.file, own, by: snapshot.id)
        }
    }

    /// The data files that the change adds deletion vectors for.
    private var ownVectors: Set<String> {
        Set(change.addedDeletes.lazy.filter(\.isDeletionVector).compactMap(\.referencedDataFile))
    }

    private func checkVector(_ file: DataFile, _ own: Set<String>, by snapshotId: Int64) throws(WeirError) {
        guard file.isDeletionVector, let path = file.referencedDataFile, own.contains(path) else { return }
        throw WeirError(
            .conflict,
            "snapshot \(snapshotId) deleted rows of a file that this change has a deletion vector for",
            at: path,
            advice: "plan again from the current snapshot"
        )
    }

    /// Checks the current state instead of the commits that led to it, since some of them have expired: a change that
    /// takes long must not fail only because others are many.
    ///
    /// - Parameter sequence: of the snapshot that the change was made from.
    private func checkState(after sequence: Int64, _ byFile: Set<String>) throws(WeirError) {
        guard let current = metadata.currentSnapshot else { return }
        var unseen = byFile
        let vectors = ownVectors
        for manifest in try store.manifests(of: current) where manifest.mayHaveLiveFiles {
            if manifest.content == .deletes, manifest.sequenceNumber > sequence {
                for entry in try store.entries(of: manifest, metadata)
                where entry.isLive && entry.dataSequenceNumber ?? .max > sequence {
                    try checkNewDelete(entry.file, by: entry.snapshotId ?? current.id)
                    try checkVector(entry.file, vectors, by: entry.snapshotId ?? current.id)
                }
            }
            if manifest.content == .data, !unseen.isEmpty {
                for entry in try store.entries(of: manifest, metadata) where entry.isLive {
                    unseen.remove(entry.file.path)
                }
            }
        }
        guard let path = unseen.min() else { return }
        throw WeirError(
            .conflict,
            "a file that this change deletes rows of was replaced meanwhile",
            at: path,
            advice: "plan again from the current snapshot"
        )
    }

    private func checkNewDelete(_ delete: DataFile, by snapshotId: Int64) throws(WeirError) {
        for file in change.removed where delete.mayDelete(from: file) {
            throw WeirError(
                .conflict,
                "snapshot \(snapshotId) deleted rows of a file that this change replaces",
                at: file.path,
                advice: "plan again from the current snapshot"
            )
        }
    }

    /// Rewriting a file would lose deletes that were added for it meanwhile.
    private func checkNewDeletes(_ manifest: ManifestFile, _ snapshot: Snapshot) throws(WeirError) {
        for entry in try store.entries(of: manifest, metadata) where entry.status == .added {
            guard entry.snapshotId == snapshot.id else { continue }
            try checkNewDelete(entry.file, by: snapshot.id)
        }
    }

    /// Deletes for a removed file would have no effect, although its rows were rewritten into other files.
    ///
    /// - Parameters:
    ///   - byFile: the data files of those deletes that refer to a single data file.
    ///   - byBounds: deletes that refer to several data files, matched by partition and by the bounds of their file
    ///     paths.
    private func checkRemoved(
        _ manifest: ManifestFile,
        _ snapshot: Snapshot,
        _ byFile: Set<String>,
        _ byBounds: [DataFile]
    ) throws(WeirError) {
        for entry in try store.entries(of: manifest, metadata)
        where entry.status == .deleted && entry.snapshotId == snapshot.id {
            let file = entry.file
            guard byFile.contains(file.path) || byBounds.contains(where: { $0.mayDelete(from: file) }) else { continue }
            throw WeirError(
                .conflict,
                "snapshot \(snapshot.id) replaced a file that this change deletes rows of",
                at: file.path,
                advice: "plan again from the current snapshot"
            )
        }
    }
}

extension DataFile {
    /// The single data file that a position delete file refers to, if known.
    public var deletedDataFile: String? {
        if let referencedDataFile { return referencedDataFile }
        guard content == .positionDeletes, let lower = lowerBounds[Self.deletePathFieldId],
            lower == upperBounds[Self.deletePathFieldId]
        else { return nil }
        // A truncated bound matches no existing file.
        return String(validating: lower, as: UTF8.self)
    }

    /// Whether this delete file may hold deletes for rows of a data file, ignoring sequence numbers.
    func mayDelete(from data: DataFile) -> Bool {
        // Equality deletes of an unpartitioned spec apply to every partition.
        if content == .equalityDeletes, partition.isEmpty { return true }
        guard PartitionKey(self) == PartitionKey(data) else { return false }
        guard content == .positionDeletes else { return true }
        if let referencedDataFile { return referencedDataFile == data.path }
        let path = Array(data.path.utf8)
        if let lower = lowerBounds[Self.deletePathFieldId], path.lexicographicallyPrecedes(lower) { return false }
        if let upper = upperBounds[Self.deletePathFieldId], upper.lexicographicallyPrecedes(path) { return false }
        return true
    }
}
