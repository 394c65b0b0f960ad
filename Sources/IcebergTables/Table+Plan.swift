import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

extension Table {
    /// The files that hold the rows of a snapshot.
    ///
    /// - Parameters:
    ///   - snapshotId: the current snapshot when nil; a table without snapshots has no files.
    ///   - bounds: conditions that every wanted row meets; files that cannot hold such a row are skipped.
    ///   - statisticsOf: the columns whose bounds in the files prune; nil for all. Partition values always do. A reader
    ///     that needs all versions of a row names the columns that all of them share.
    ///   - sequencesAbove: skips files whose data sequence number is not above this one.
    /// - Returns: one task per data file, in the order of the manifests.
    public func plan(
        snapshotId: Int64? = nil,
        bounds: [RowFilter.Bound] = [],
        statisticsOf columns: Set<Int>? = nil,
        sequencesAbove: Int64 = 0
    ) throws(WeirError) -> [FileScanTask] {
        let snapshot: Snapshot
        if let snapshotId {
            snapshot = try requireSnapshot(id: snapshotId)
        } else {
            guard let current = currentSnapshot else { return [] }
            snapshot = current
        }
        let store = ManifestStore(storage: storage)
        let manifests = try store.manifests(of: snapshot).filter(\.mayHaveLiveFiles)
        let pruning = ScanPruning(metadata, snapshot, bounds, statisticsOf: columns)

        var tasks: [FileScanTask] = []
        for manifest in manifests where manifest.content == .data {
            // No file in a manifest is newer than the manifest.
            if sequencesAbove > 0, manifest.sequenceNumber <= sequencesAbove { continue }
            guard try pruning.keeps(manifest) else { continue }
            for entry in try store.entries(of: manifest, metadata) where entry.isLive {
                let sequence = entry.dataSequenceNumber ?? 0
                if sequencesAbove > 0, sequence <= sequencesAbove { continue }
                guard try pruning.keeps(entry.file) else { continue }
                tasks.append(
                    FileScanTask(
                        file: entry.file,
                        dataSequenceNumber: sequence,
                        fileSequenceNumber: entry.fileSequenceNumber ?? sequence,
                        snapshotId: entry.snapshotId ?? manifest.addedSnapshotId
                    )
                )
            }
        }
        let deleteManifests = manifests.filter { $0.content == .deletes }
        guard !tasks.isEmpty, !deleteManifests.isEmpty else { return tasks }

        let oldest = tasks.map(\.dataSequenceNumber).min() ?? 0
        var deletes = DeleteIndex()
        for manifest in deleteManifests where manifest.sequenceNumber >= oldest {
            guard try pruning.keepsPartitions(manifest) else { continue }
            for entry in try store.entries(of: manifest, metadata) where entry.isLive {
                guard (entry.dataSequenceNumber ?? 0) >= oldest else { continue }
                try deletes.add(DeleteFile(file: entry.file, dataSequenceNumber: entry.dataSequenceNumber ?? 0))
            }
        }
        return tasks.map { task in
            FileScanTask(
                file: task.file,
                dataSequenceNumber: task.dataSequenceNumber,
                fileSequenceNumber: task.fileSequenceNumber,
                snapshotId: task.snapshotId,
                deletes: deletes.deletes(for: task)
            )
        }
    }
}
