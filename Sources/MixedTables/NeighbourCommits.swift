import Bytes
import IcebergFormat
import IcebergTables

/// Decides whether other writers' commits to a change store may have changed its keys.
///
/// Other processes commit to a change store beside a streaming writer (spec sections 4.6, 6.7): maintenance removes
/// files whose changes are already in base and expires old snapshots, engines start their transactions with an empty
/// append, and manifests are rewritten. These commits add or remove no keys. Any other commit may.
struct NeighbourCommits {
    /// The change store as the writer last read or committed it.
    private let known: Table
    private let base: Table
    /// How much of the change store is merged into base; read on first use.
    private var optimized: OptimizedSequence?

    init(known: Table, base: Table) {
        self.known = known
        self.base = base
    }

    /// Whether a later commit may have moved, added or removed a key.
    ///
    /// - Parameters:
    ///   - metadata: the current metadata of the change store.
    ///   - own: commits that are known to be of such writers, or to move no key.
    ///   - isOurs: whether a snapshot was made by a writer that shares no key with this one.
    mutating func mayMoveKeys(
        in metadata: TableMetadata,
        own: OwnCommits = OwnCommits(),
        isOurs: (Snapshot) -> Bool
    ) throws(WeirError) -> Bool {
        let last = known.metadata.currentSnapshotId
        if metadata.currentSnapshotId == last { return false }
        let now = known.with(metadata)
        let newer = metadata.history(since: last)
        if newer.snapshots.isEmpty { return true }
        var unknown = newer.snapshots[...]
        if newer.beginning != .found {
            // The writer's snapshot may have expired since. If nothing tells whose the commits after it are, the files of
            // both states are compared.
            guard case .expired = newer.beginning,
                let newest = newer.snapshots.firstIndex(where: { $0.sequenceNumber == own.upTo }),
                own.goOn(after: known.metadata.currentSnapshot?.sequenceNumber ?? 0)
            else { return try filesDiffer(now) }
            unknown = newer.snapshots[(newest + 1)...]
        }
        for snapshot in unknown where !isOurs(snapshot) {
            if try changesKeys(snapshot, now) { return true }
        }
        return false
    }

    private mutating func changesKeys(_ snapshot: Snapshot, _ now: Table) throws(WeirError) -> Bool {
        for manifest in try now.manifests(of: snapshot) where manifest.addedSnapshotId == snapshot.id {
            for entry in try now.entries(of: manifest) where entry.snapshotId == snapshot.id {
                switch entry.status {
                case .added: return true
                case .existing: continue
                case .deleted: if try !isMerged(entry.file, entry.dataSequenceNumber) { return true }
                }
            }
        }
        return false
    }

    /// Compares the files of both states. Without the manifests of the older state, keys may have moved.
    private mutating func filesDiffer(_ now: Table) throws(WeirError) -> Bool {
        let before: [FileScanTask]
        do throws(WeirError) {
            before = try known.plan()
        } catch {
            guard error.code == .notFound else { throw error }
            return true
        }
        let after = try now.plan()
        let paths = Set(before.map(\.file.path))
        if after.contains(where: { !paths.contains($0.file.path) || !$0.deletes.isEmpty }) { return true }
        let left = Set(after.map(\.file.path))
        for task in before where !left.contains(task.file.path) {
            if try !isMerged(task.file, task.dataSequenceNumber) { return true }
        }
        return false
    }

    private mutating func isMerged(_ file: DataFile, _ sequence: Int64?) throws(WeirError) -> Bool {
        guard let sequence else { return false }
        let map: OptimizedSequence
        if let optimized {
            map = optimized
        } else {
            let base = try self.base.refreshed()
            map = try OptimizedSequence.read(base, snapshotId: base.metadata.currentSnapshotId)
            optimized = map
        }
        return sequence <= map.sequence(ofPartition: file.partition)
    }
}

extension Table {
    /// The same table with other metadata.
    fileprivate func with(_ metadata: TableMetadata) -> Table {
        Table(
            identifier: identifier,
            metadata: metadata,
            metadataLocation: metadataLocation,
            catalog: catalog,
            storage: storage
        )
    }
}
