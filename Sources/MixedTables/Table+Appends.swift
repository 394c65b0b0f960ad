import Bytes
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// The data files that each of the commits added, for reading an unkeyed table as a stream.
    ///
    /// Files that rewrites added hold rows which were there before and do not count. Fails when a commit took rows away: a
    /// stream of additions cannot say so.
    ///
    /// - Parameter sequence: of the last commit that is wanted.
    func additions(
        of history: SnapshotHistory,
        since start: ChangePosition,
        upTo sequence: Int64
    ) throws(WeirError) -> [Addition] {
        if case .expired(let oldest) = history.beginning {
            throw WeirError(
                .notFound,
                "commits of \(identifier) have expired that come next: those before snapshot \(oldest.id), sequence "
                    + "\(oldest.sequenceNumber)",
                at: start.snapshotId.map { "behind snapshot \($0)" } ?? "behind sequence \(start.sequence)",
                advice: "read 'full' and go on from there"
            )
        }
        var additions: [Addition] = []
        for snapshot in history.snapshots where snapshot.sequenceNumber <= sequence && !snapshot.movesRows {
            var tasks: [FileScanTask] = []
            var takesAway = snapshot.saysItTakesRowsAway
            for manifest in try base.manifests(of: snapshot) where manifest.addedSnapshotId == snapshot.id {
                for entry in try base.entries(of: manifest) where entry.snapshotId == snapshot.id {
                    if entry.status == .deleted || entry.status == .added && entry.file.content != .data {
                        takesAway = takesAway || entry.file.content == .data || entry.status == .added
                        continue
                    }
                    guard entry.status == .added else { continue }
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
            guard !takesAway else {
                throw WeirError(
                    .unsupported,
                    "snapshot \(snapshot.id) removed rows, and a table without a primary key cannot say which",
                    at: identifier.description,
                    advice: "read 'full' and go on from there"
                )
            }
            if !tasks.isEmpty { additions.append(Addition(snapshot: snapshot, tasks: tasks)) }
        }
        return additions
    }

    /// What one commit added.
    struct Addition {
        let snapshot: Snapshot
        let tasks: [FileScanTask]
    }
}

extension Snapshot {
    /// Whether the same rows stand in other files.
    fileprivate var movesRows: Bool {
        operation == SnapshotOperation.replace.rawValue
            || operation != SnapshotOperation.append.rawValue && summary["snapshot.producer"] == "OPTIMIZE"
    }

    /// Writers may leave manifests out that had nothing but removed files.
    fileprivate var saysItTakesRowsAway: Bool {
        guard operation == SnapshotOperation.delete.rawValue || operation == SnapshotOperation.overwrite.rawValue else {
            return false
        }
        return ["deleted-records", "deleted-data-files", "added-delete-files"].contains { key in
            (summary[key].flatMap { Int64($0) } ?? 0) > 0
        }
    }
}
