import IcebergFormat
import IcebergTables

/// What must be read to have a keyed table's rows, or what was made of them, as the table is now.
///
/// Reading the changes since is right only where they tell everything: appends to the change store in an unbroken line of
/// snapshots, and nothing but optimizing in base. Whatever else has happened, the table is read anew.
public enum CatchUp: Sendable, Equatable {
    /// No row has changed.
    case nothing
    /// The changes with these data sequence numbers, in order.
    case changes([ClosedRange<Int64>])
    /// Everything, and why.
    case reload(String)

    /// - Parameters:
    ///   - point: what the holder has.
    ///   - table: as it is now.
    ///   - own: data sequence numbers of commits that the holder has already.
    public init(from point: ReadPoint, to table: MixedTable, except own: Set<Int64> = []) {
        guard let change = table.change else {
            let isSame = table.base.metadata.currentSnapshot?.id == point.baseSnapshotId
            self = isSame ? .nothing : .reload("it has no change store")
            return
        }
        let moved = table.base.metadata.history(since: point.baseSnapshotId)
        guard moved.beginning == .found else {
            self = .reload("the history of its base store is broken")
            return
        }
        if let other = moved.snapshots.first(where: { $0.changesRows && !$0.isOptimizing }) {
            self = .reload("snapshot \(other.id) has changed rows of its base store")
            return
        }
        let new = change.metadata.history(since: point.changeSnapshotId)
        guard new.beginning == .found else {
            self = .reload("the history of its change store is broken")
            return
        }
        if let other = new.snapshots.first(where: {
            $0.changesRows && $0.operation != "append" && $0.operation != "replace"
        }) {
            self = .reload("snapshot \(other.id) has taken files out of its change store")
            return
        }
        var ranges: [ClosedRange<Int64>] = []
        var goesOn = false
        for snapshot in new.snapshots where snapshot.changesRows && snapshot.operation == "append" {
            let sequence = snapshot.sequenceNumber
            if own.contains(sequence) {
                goesOn = false
            } else if sequence <= point.changeSequence {
                // Numbers do not tell the commits of a version 1 table apart.
                self = .reload("its change store numbers no commits")
                return
            } else if goesOn, let last = ranges.popLast() {
                ranges.append(last.lowerBound...sequence)
            } else {
                ranges.append(sequence...sequence)
                goesOn = true
            }
        }
        self = ranges.isEmpty ? .nothing : .changes(ranges)
    }
}

extension Snapshot {
    fileprivate var isOptimizing: Bool { operation == "replace" || summary["snapshot.producer"] == "OPTIMIZE" }

    /// False for commits without files, such as some engines begin their transactions with.
    fileprivate var changesRows: Bool {
        // A summary that counts nothing may leave out what counts.
        let counts = [
            "added-data-files", "deleted-data-files", "added-delete-files", "removed-delete-files",
        ].compactMap { summary[$0].flatMap { Int64($0) } }
        guard counts.isEmpty else { return counts.contains { $0 > 0 } }
        return operation != "append" || summary["total-records"] == nil || (summary["added-records"] ?? "0") != "0"
    }
}
