import IcebergFormat
import IcebergTables
import MixedTables

/// Describes the commit at which a reader begins.
enum StartNotice {
    /// For a reader of changes: the commit after which it begins, and the first commit it prints.
    static func text(_ beginning: ReadBeginning, of table: MixedTable) -> String {
        let line = table.ingestStore.metadata.mainAncestors
        let behind = beginning.position.snapshotId.flatMap { id in line.firstIndex { $0.id == id } }
        let first: Snapshot?
        if let behind {
            first = behind > 0 ? line[behind - 1] : nil
        } else {
            first = line.last { $0.sequenceNumber > beginning.position.sequence }
        }
        let start =
            if let behind {
                "\(beginning.rows == nil ? "changes after" : "rows as of") \(snapshot(line[behind]))"
            } else if let id = beginning.position.snapshotId {
                "changes after snapshot \(id)"
            } else if beginning.position.sequence > 0 {
                "changes after commit \(beginning.position.sequence), whose snapshot has expired"
            } else {
                "all changes"
            }
        let following = beginning.rows == nil ? "the first commit" : "the first commit of changes after it"
        return "\(start); \(following) is \(first.map(snapshot) ?? "still to come")"
    }

    /// For a reader of rows: the commits of both stores that it reads.
    static func text(_ point: ReadPoint, of table: MixedTable) -> String {
        let change = point.changeSnapshotId.flatMap { table.change?.metadata.snapshot(id: $0) }
        let base = point.baseSnapshotId.flatMap { table.base.metadata.snapshot(id: $0) }
        guard table.isKeyed else { return "rows as of \(base.map(snapshot) ?? "no commit")" }
        return "rows as of \(change.map(snapshot) ?? "no commit") of the change store and "
            + "\(base.map(snapshot) ?? "no commit") of the base store"
    }

    /// `snapshot 123 (2026-01-31T12:00:00.000Z, sequence 5)`.
    private static func snapshot(_ snapshot: Snapshot) -> String {
        "snapshot \(snapshot.id) (\(TimeText.text(snapshot.timestampMs)), sequence \(snapshot.sequenceNumber))"
    }
}
