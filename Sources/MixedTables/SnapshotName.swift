import Bytes
import IcebergFormat
import IcebergTables

/// A user's name for a state of a table: the id of a snapshot, or a branch or tag that another engine created.
///
/// A number is a snapshot id if the table has that snapshot, otherwise a name.
public enum SnapshotName {
    /// The snapshot with this name in one store; nil when there is none.
    public static func snapshot(_ name: String, in store: Table) -> Snapshot? {
        if let id = Int64(name), let snapshot = store.metadata.snapshot(id: id) { return snapshot }
        return store.metadata.references[name].flatMap { store.metadata.snapshot(id: $0.snapshotId) }
    }

    /// The error for a name that no store of the table has, with the nearest existing name.
    public static func missing(_ name: String, in table: MixedTable) -> WeirError {
        let listed = "'weir table snapshots \(table.identifier)' lists those it has"
        if Int64(name) != nil {
            return WeirError(
                .notFound,
                "table \(table.identifier) has no snapshot \(name)",
                advice: table.stores.allSatisfy(\.snapshots.isEmpty)
                    ? "it has none yet" : "it may have expired: \(listed)"
            )
        }
        let known = Set(table.stores.flatMap(\.metadata.references.keys))
        return WeirError(
            .notFound,
            "table \(table.identifier) has no branch or tag '\(name)'",
            advice: NearestName.advice(for: name, among: known.sorted()).map { "\($0); \(listed)" } ?? "it has none yet"
        )
    }
}

extension ReadPoint {
    /// The state that a name refers to.
    ///
    /// The branch main is the current state of the table. A branch or tag that both stores have combines both
    /// snapshots, as far as they belong together. One that only the base store has shows base alone.
    public init(named name: String, of table: MixedTable) throws(WeirError) {
        if name == TableMetadata.mainBranch {
            self.init(current: table)
            return
        }
        let base = SnapshotName.snapshot(name, in: table.base)
        let change = table.change.flatMap { SnapshotName.snapshot(name, in: $0) }
        guard let newest = change ?? base else { throw SnapshotName.missing(name, in: table) }
        if let base, let change {
            try self.init(change: change, overBaseUpTo: base, of: table)
        } else {
            try self.init(snapshot: newest.id, of: table)
        }
    }
}

extension MixedTable {
    /// The table and the read point for a name. As in other engines, a branch is read with the current columns, a tag
    /// or snapshot with the columns it had.
    public func state(named name: String) throws(WeirError) -> (table: MixedTable, point: ReadPoint) {
        let point = try ReadPoint(named: name, of: self)
        let isId = Int64(name).map { id in stores.contains { $0.metadata.snapshot(id: id) != nil } } ?? false
        let isBranch = !isId && stores.contains { $0.metadata.references[name].map { !$0.isTag } ?? false }
        return (isBranch || name == TableMetadata.mainBranch ? self : try seen(at: point), point)
    }

    /// Base, then the change store, if there is one.
    var stores: [Table] { [base] + (change.map { [$0] } ?? []) }
}
