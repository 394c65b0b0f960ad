import Bytes
import Columnar
import IcebergFormat
import IcebergTables

/// How other engines' commits changed the keys in a keyed table's base store between two of its states.
enum BaseChange: Sendable {
    /// No key was added or removed.
    case none
    /// Paths of files that may have lost rows, and of files that may hold new rows. A file whose deletes changed is in
    /// both. If base was also optimized, most of the rows were only moved.
    case files(removed: Set<String>, added: Set<String>, isOptimized: Bool)
    /// The difference between the two states is not known.
    case unknown

    /// - Parameters:
    ///   - old: if expiry has deleted its manifests, the result is `unknown`.
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

    /// Data files with the delete files that apply to them.
    private static func states(of base: Table) throws(WeirError) -> [String: Set<String>] {
        var states: [String: Set<String>] = [:]
        for task in try base.plan() { states[task.file.path] = Set(task.deletes.map(\.file.path)) }
        return states
    }
}

extension Snapshot {
    /// Optimizing and compaction move rows between files, or from the change store into base. Every key is kept.
    fileprivate var keepsKeys: Bool { operation == "replace" || summary["snapshot.producer"] == "OPTIMIZE" }
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

    /// The same table with another state of base.
    func with(base: Table) -> MixedTable { MixedTable(base: base, change: change, primaryKey: primaryKey) }
}
