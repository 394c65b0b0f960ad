import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// What other engines' commits have done to the rows of a keyed table's base store between two states of it.
enum BaseChange: Sendable {
    /// No key has come or gone.
    case none
    /// Files of which rows may have gone, by their paths, and files with rows that may be new. A file that got deletes is
    /// in both. Where the base was optimized as well, most of the rows have only moved.
    case files(removed: Set<String>, added: Set<String>, isOptimized: Bool)
    /// How one state became the other is not kept.
    case unknown

    /// - Parameters:
    ///   - old: its manifests may have been deleted by expiry; that is then `unknown`.
    init(from old: Table, to new: Table) throws(WeirError) {
        self = .none
        guard old.metadata.currentSnapshotId != new.metadata.currentSnapshotId else { return }
        let history = new.metadata.history(since: old.metadata.currentSnapshotId)
        guard history.beginning == .found else {
            self = .unknown
            return
        }
        if history.snapshots.allSatisfy(\.keepsKeys) { return }
        do throws(WeirError) {
            let before = try Self.states(of: old)
            let after = try Self.states(of: new)
            self = .files(
                removed: Set(before.filter { after[$0.key] != $0.value }.keys),
                added: Set(after.filter { before[$0.key] != $0.value }.keys),
                isOptimized: history.snapshots.contains(where: \.keepsKeys)
            )
        } catch  where error.code == .notFound {
            self = .unknown
        }
    }

    /// Data files with the deletes in force for them.
    private static func states(of base: Table) throws(WeirError) -> [String: Set<String>] {
        var states: [String: Set<String>] = [:]
        for task in try base.plan() { states[task.file.path] = Set(task.deletes.map(\.file.path)) }
        return states
    }
}

extension Snapshot {
    /// Optimizing moves rows to other files, and from the change store into base: every key stays where it is, and a
    /// compaction's as well.
    fileprivate var keepsKeys: Bool { operation == "replace" || summary["snapshot.producer"] == "OPTIMIZE" }
}

extension MixedTable {
    /// The keys that a reader sees in some of the base files, with the changes of the change store applied.
    ///
    /// - Parameter paths: of data files; all when nil.
    func visibleBaseKeys(
        in paths: Set<String>?,
        _ body: (_ partition: [Scalar], _ keys: ColumnBatch) throws(WeirError) -> Void
    ) throws(WeirError) {
        if paths?.isEmpty == true { return }
        let scan = try MergeOnReadScan(self, columns: keySchema)
        for task in scan.tasks {
            var part = task
            part.dataFiles = task.dataFiles.filter { $0.isBase && paths?.contains($0.task.file.path) ?? true }
            if part.dataFiles.isEmpty { continue }
            try scan.read(part) { (batch) throws(WeirError) in
                try body(task.partition, batch)
                return true
            }
        }
    }

    /// The same table with base in another state.
    func with(base: Table) -> MixedTable { MixedTable(base: base, change: change, primaryKey: primaryKey) }
}
