import Bytes
import IcebergFormat
import IcebergTables

extension Table {
    /// The data files that append snapshots added, for reading an unkeyed table as a stream.
    ///
    /// Files that rewrites added hold rows which were there before, so only appends count. Fails when a snapshot in the
    /// range has expired, and when one took rows away: a stream of appends cannot say so.
    ///
    /// - Parameter after: the data sequence number of the snapshot the reader has seen last; 0 for the beginning.
    func appendedFiles(after: Int64, upTo sequence: Int64) throws(WeirError) -> [FileScanTask] {
        var tasks: [FileScanTask] = []
        var current = metadata.currentSnapshot
        while let snapshot = current, snapshot.sequenceNumber > after {
            if snapshot.sequenceNumber <= sequence, snapshot.takesRowsAway {
                throw WeirError(
                    .unsupported,
                    "snapshot \(snapshot.id) removed rows, and a table without a primary key cannot say which",
                    at: identifier.description,
                    advice: "read 'full' and go on from there"
                )
            }
            if snapshot.operation == "append", snapshot.sequenceNumber <= sequence {
                for manifest in try manifests(of: snapshot) where manifest.addedSnapshotId == snapshot.id {
                    for entry in try entries(of: manifest)
                    where entry.status == .added && entry.snapshotId == snapshot.id && entry.file.content == .data {
                        tasks.append(
                            FileScanTask(
                                file: entry.file,
                                dataSequenceNumber: entry.dataSequenceNumber ?? snapshot.sequenceNumber,
                                fileSequenceNumber: entry.fileSequenceNumber ?? snapshot.sequenceNumber,
                                snapshotId: snapshot.id,
                                deletes: []
                            )
                        )
                    }
                }
            }
            guard let parent = snapshot.parentId else { break }
            guard let older = metadata.snapshot(id: parent) else {
                throw WeirError(
                    .notFound,
                    "the snapshots between sequence \(after) and \(snapshot.sequenceNumber) have expired",
                    at: identifier.description,
                    advice: "read 'full' and go on from there"
                )
            }
            current = older
        }
        return tasks
    }
}

extension Snapshot {
    /// Whether rows of earlier snapshots are gone, as opposed to moved to other files.
    fileprivate var takesRowsAway: Bool {
        guard operation == "delete" || operation == "overwrite", summary["snapshot.producer"] != "OPTIMIZE" else {
            return false
        }
        return ["deleted-records", "deleted-data-files", "added-delete-files"].contains { key in
            (summary[key].flatMap { Int64($0) } ?? 0) > 0
        }
    }
}
