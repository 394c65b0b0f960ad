import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// How other engines' commits changed the keys in a keyed table's base store between two of its states.
enum BaseChange: Sendable {
    /// No key was added or removed.
    case none
    /// Paths of files that may have lost rows, and of files that may hold new rows. A file whose deletes changed is in
    /// both. `moved` are those of the added files that optimizing has written: most of their rows, or all, were there
    /// before.
    case files(removed: Set<String>, added: Set<String>, moved: Set<String>)
    /// The difference between the two states is not known.
    case unknown

    /// - Parameters:
    ///   - old: if expiry has deleted its manifests, the result is `unknown`.
    init(from old: Table, to new: Table) throws(WeirError) {
        self = .none
        guard old.metadata.currentSnapshotId != new.metadata.currentSnapshotId else { return }
        let history = new.metadata.history(since: old.metadata.currentSnapshotId)
        switch history.beginning {
        case .found: if Self.keepsKeys(history) { return }
        // Some of the commits in between are not known any more: the files of both states tell what they did.
        case .expired: break
        case .elsewhere:
            self = .unknown
            return
        }
        do throws(WeirError) {
            let before = try Self.states(of: old)
            let after = try Self.states(of: new)
            let added = after.filter { before[$0.key]?.deletes != $0.value.deletes }
            let optimizing = Set(history.snapshots.filter(\.isOptimizing).map(\.id))
            self = .files(
                removed: Set(before.filter { after[$0.key]?.deletes != $0.value.deletes }.keys),
                added: Set(added.keys),
                moved: Set(added.filter { before[$0.key] == nil && optimizing.contains($0.value.addedBy) }.keys)
            )
        } catch  where error.code == .notFound {
            self = .unknown
        }
    }

    /// Whether no key was added or removed, as far as the commits say of themselves.
    static func keepsKeys(from old: Table, to new: Table) -> Bool {
        keepsKeys(new.metadata.history(since: old.metadata.currentSnapshotId))
    }

    private static func keepsKeys(_ history: SnapshotHistory) -> Bool {
        history.beginning == .found && history.snapshots.allSatisfy(\.isOptimizing)
    }

    private struct FileState {
        /// Paths of the delete files that apply.
        let deletes: Set<String>
        /// The snapshot that added the file.
        let addedBy: Int64
    }

    /// The data files by path.
    private static func states(of base: Table) throws(WeirError) -> [String: FileState] {
        var states: [String: FileState] = [:]
        for task in try base.plan() {
            states[task.file.path] = FileState(
                deletes: Set(task.deletes.map(\.file.path)),
                addedBy: task.snapshotId
            )
        }
        return states
    }
}

extension MixedTable {
    /// Reads the keys that are visible in some of the base files, with the changes of the change store applied.
    ///
    /// - Parameter paths: of the data files; nil for all.
    func visibleBaseKeys(
        in paths: Set<String>?,
        _ body: (_ partition: [Scalar], _ keys: ColumnBatch) throws(WeirError) -> Void
    ) throws(WeirError) {
        if paths?.isEmpty == true { return }
        try visibleKeys(where: { $0.isBase && paths?.contains($0.task.file.path) ?? true }, body)
    }

    /// The same for some of the files of both stores.
    func visibleKeys(
        where isWanted: (NodeTask.File) -> Bool,
        _ body: (_ partition: [Scalar], _ keys: ColumnBatch) throws(WeirError) -> Void
    ) throws(WeirError) {
        let scan = try MergeOnReadScan(self, columns: keySchema)
        for task in scan.tasks {
            var part = task
            part.dataFiles = task.dataFiles.filter(isWanted)
            if part.dataFiles.isEmpty { continue }
            try scan.read(part) { (batch) throws(WeirError) in
                try body(task.partition, batch)
                return true
            }
        }
    }

    /// The same table with another state of base.
    func with(base: Table) -> MixedTable { MixedTable(base: base, change: change, primaryKey: primaryKey) }
}
