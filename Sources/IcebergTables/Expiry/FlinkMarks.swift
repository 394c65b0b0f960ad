import IcebergFormat

/// What Flink's committer notes in its snapshots: the last checkpoint that it has committed.
///
/// A job that restarts looks for its newest note among the ancestors of the current snapshot, and commits its
/// checkpoints again if there is none. Before such a snapshot expires, its note is therefore copied to a new one.
struct FlinkMarks {
    private static let job = "flink.job-id"
    private static let operation = "flink.operator-id"
    private static let checkpoint = "flink.max-committed-checkpoint-id"
    /// When the snapshot was made that the note is copied from, milliseconds since 1970.
    private static let time = "weir.flink-committed-ms"
    /// A job that has ended, or read all its input, commits nothing any more.
    private static let finished = String(Int64.max)

    /// Decides about the notes on main: returns the entries for the summary of the new snapshot, and leaves snapshots
    /// whose notes do not fit into it for later commits.
    ///
    /// - Parameter expiry: of the metadata.
    static func carry(
        from metadata: TableMetadata,
        _ expiry: inout SnapshotExpiry,
        ageMs: Int64,
        nowMs: Int64
    ) -> [String: String] {
        let last = needed(in: metadata, expiry, ageMs, nowMs)
        guard let oldest = last.last else { return [:] }
        if last.count > 1 {
            // A snapshot has room for one note.
            let next = last[last.count - 2].snapshot.id
            expiry.snapshots = Array(expiry.snapshots.prefix { $0 != next })
        }
        return oldest.entries
    }

    /// Leaves the snapshots with notes that are needed, and those after them: without a new snapshot there is nothing to
    /// copy the notes to.
    static func keep(in metadata: TableMetadata, _ expiry: inout SnapshotExpiry, ageMs: Int64, nowMs: Int64) {
        guard let oldest = needed(in: metadata, expiry, ageMs, nowMs).last else { return }
        expiry.snapshots = Array(expiry.snapshots.prefix { $0 != oldest.snapshot.id })
    }

    /// What each job noted last, if its snapshot expires, newest first.
    private static func needed(
        in metadata: TableMetadata,
        _ expiry: SnapshotExpiry,
        _ ageMs: Int64,
        _ nowMs: Int64
    ) -> [(snapshot: Snapshot, entries: [String: String])] {
        let gone = Set(expiry.snapshots)
        let line = metadata.mainAncestors
        guard line.contains(where: { gone.contains($0.id) && $0.summary[checkpoint] != nil }) else { return [] }
        var noted: Set<[String]> = []
        var last: [(snapshot: Snapshot, entries: [String: String])] = []
        for snapshot in line {
            guard let id = snapshot.summary[job], let number = snapshot.summary[checkpoint], number != finished else {
                continue
            }
            guard noted.insert([id, snapshot.summary[operation] ?? ""]).inserted, gone.contains(snapshot.id) else {
                continue
            }
            let made = snapshot.summary[time].flatMap { Int64($0) } ?? snapshot.timestampMs
            if SnapshotExpiry.isOlder(made, than: ageMs, nowMs) { continue }
            var entries = [job: id, checkpoint: number, time: String(made)]
            entries[operation] = snapshot.summary[operation]
            last.append((snapshot, entries))
        }
        return last
    }
}
