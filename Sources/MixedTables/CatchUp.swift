import IcebergFormat
import IcebergTables

/// What to read to bring a copy of a keyed table's rows, or something derived from them, up to date.
///
/// Reading only the new changes is correct if nothing but appends to the change store, in an unbroken line of
/// snapshots, and optimizing of base has happened. Otherwise the whole table is read again.
public enum CatchUp: Sendable, Equatable {
    /// No rows have changed.
    case nothing
    /// The changes with these data sequence numbers, in order.
    case changes([ClosedRange<Int64>])
    /// Read the whole table again, for this reason.
    case reload(String)

    /// - Parameters:
    ///   - point: the state that the holder has.
    ///   - table: the current table.
    ///   - own: data sequence numbers of commits that the holder already has.
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
                // Sequence numbers cannot tell the commits of a format version 1 table apart.
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
    /// False for commits without files, which some engines make at the start of their transactions.
    fileprivate var changesRows: Bool {
        // Summaries may omit counts that are zero.
        let counts = [
            "added-data-files", "deleted-data-files", "added-delete-files", "removed-delete-files",
        ].compactMap { summary[$0].flatMap { Int64($0) } }
        guard counts.isEmpty else { return counts.contains { $0 > 0 } }
        return operation != "append" || summary["total-records"] == nil || (summary["added-records"] ?? "0") != "0"
    }
}
