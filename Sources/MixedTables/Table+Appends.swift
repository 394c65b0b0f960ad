import Bytes
import IcebergFormat
import IcebergTables
import Values

extension MixedTable {
    /// The data files that each commit added, for reading an unkeyed table as a stream.
    ///
    /// Files added by rewrites are skipped, since their rows existed before, and so is what removes rows for their age. Fails with `unsupported` when a commit
    /// removed rows, because a stream of additions cannot represent that.
    ///
    /// - Parameter sequence: of the last commit to read.
    func additions(
        of history: SnapshotHistory,
        since start: ChangePosition,
        upTo sequence: Int64
    ) throws(WeirError) -> [Addition] {
        var additions: [Addition] = []
        if case .expired(let oldest) = history.beginning {
            if let known = ExpiredCommits(base.metadata), known.unseenRewriteAt <= start.sequence {
                additions = try expiredAdditions(known, before: oldest, history, since: start, upTo: sequence)
            } else {
                throw WeirError(
                    .notFound,
                    "commits of \(identifier) have expired that come next: those before snapshot \(oldest.id), sequence "
                        + "\(oldest.sequenceNumber)",
                    at: start.snapshotId.map { "behind snapshot \($0)" } ?? "behind sequence \(start.sequence)",
                    advice: "read 'full' and go on from there"
                )
            }
        }
        for snapshot in history.snapshots where snapshot.sequenceNumber <= sequence && !snapshot.addsNothing {
            let tasks = try added(by: snapshot)
            if !tasks.isEmpty { additions.append(Addition(sequence: snapshot.sequenceNumber, tasks: tasks)) }
        }
        return additions
    }

    /// Fails with `unsupported` when the commit removed rows.
    private func added(by snapshot: Snapshot) throws(WeirError) -> [FileScanTask] {
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
        return tasks
    }

    /// The files that one commit added.
    struct Addition {
        let sequence: Int64
        let tasks: [FileScanTask]
    }

    /// The data files that expired commits added, which only appended: files that are there now, or that a commit whose
    /// snapshot is left has moved to others.
    private func expiredAdditions(
        _ known: ExpiredCommits,
        before oldest: Snapshot,
        _ history: SnapshotHistory,
        since start: ChangePosition,
        upTo sequence: Int64
    ) throws(WeirError) -> [Addition] {
        let last = min(sequence, oldest.sequenceNumber.addingClamped(-1))
        if last <= start.sequence { return [] }
        // The sequence number of the commit that added a file tells whose it is: rewritten files may carry the data
        // sequence number of older ones.
        var tasks: [String: FileScanTask] = [:]
        let kept = known.keptRewrites.filter { $0.sequence > start.sequence }
            .compactMap { base.metadata.snapshot(id: $0.snapshotId) }
        let moves = Set(kept.filter(\.movesRows).map(\.sequenceNumber))
        for snapshot in kept where snapshot.sequenceNumber <= last && !snapshot.addsNothing {
            _ = try added(by: snapshot)
        }
        func take(_ file: DataFile, addedAt number: Int64) {
            guard number > start.sequence, number <= last, !moves.contains(number) else { return }
            tasks[file.path] = FileScanTask(
                file: file,
                dataSequenceNumber: number,
                fileSequenceNumber: number,
                snapshotId: 0
            )
        }
        for task in try base.plan(sequencesAbove: start.sequence) { take(task.file, addedAt: task.fileSequenceNumber) }
        for snapshot in kept + history.snapshots where snapshot.operation != SnapshotOperation.append.rawValue {
            for manifest in try base.manifests(of: snapshot) where manifest.mayHaveRemoved(by: snapshot) {
                for entry in try base.entries(of: manifest) where entry.isRemoved(by: snapshot) {
                    take(entry.file, addedAt: entry.fileSequenceNumber ?? entry.dataSequenceNumber ?? 0)
                }
            }
        }
        return Dictionary(grouping: tasks.values, by: \.dataSequenceNumber).sorted { $0.key < $1.key }.map {
            Addition(sequence: $0.key, tasks: $0.value.sorted { $0.file.path < $1.file.path })
        }
    }
}

extension Snapshot {
    /// Whether the commit only moved rows to other files. An append cannot: it removes none.
    fileprivate var movesRows: Bool { isOptimizing && operation != SnapshotOperation.append.rawValue }

    /// Whether the commit has nothing for who reads additions: rows that have grown too old were read, and are no change.
    fileprivate var addsNothing: Bool { movesRows || isDataExpiry }

    /// Checks the summary, since writers may omit manifests that list only removed files.
    fileprivate var saysItTakesRowsAway: Bool {
        guard operation == SnapshotOperation.delete.rawValue || operation == SnapshotOperation.overwrite.rawValue else {
            return false
        }
        return ["deleted-records", "deleted-data-files", "added-delete-files"].contains { key in
            (summary[key].flatMap { Int64($0) } ?? 0) > 0
        }
    }
}
