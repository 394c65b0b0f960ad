import IcebergFormat
import IcebergTables
import Values

/// What to read to bring a copy of a keyed table's rows, or something derived from them, up to date.
///
/// Reading only the new changes is correct if nothing but appends to the change store and optimizing of base has
/// happened, as the snapshots in between say, or what is remembered of those that have expired. Otherwise the whole table
/// is read again.
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
    public init(from point: ReadPoint, to table: MixedTable, except own: RangeSet<Int64> = RangeSet()) {
        guard let change = table.change else {
            let isSame = table.base.metadata.currentSnapshot?.id == point.baseSnapshotId
            self = isSame ? .nothing : .reload("it has no change store")
            return
        }
        if let reason = Self.baseReason(from: point, to: table.base) {
            self = .reload(reason)
            return
        }
        let new = change.metadata.history(since: point.changeSnapshotId, sequence: point.changeSequence)
        var ranges: [ClosedRange<Int64>] = []
        switch new.beginning {
        case .found: break
        case .expired(let oldest):
            guard let expired = ExpiredCommits(change.metadata), expired.rewrittenAt <= point.changeSequence,
                expired.removedUpTo <= point.changeSequence
            else {
                self = .reload("commits of its change store have expired")
                return
            }
            let first = point.changeSequence.addingClamped(1)
            let gone = RangeSet(first..<max(first, oldest.sequenceNumber))
            ranges = gone.subtracting(own).ranges.map { ClosedRange($0) }
            guard ranges.count <= Self.rangesMax else {
                self = .reload("many writers' commits to its change store have expired")
                return
            }
        case .elsewhere:
            self = .reload("the history of its change store is broken")
            return
        }
        if let other = new.snapshots.first(where: {
            $0.changesRows && $0.operation != "append" && $0.operation != "replace"
                // Merged changes that the holder has may go.
                && $0.removedChangesUpTo ?? .max > point.changeSequence
        }) {
            self = .reload("snapshot \(other.id) has taken files out of its change store")
            return
        }
        var goesOn = false
        for snapshot in new.snapshots where snapshot.changesRows && snapshot.operation == "append" {
            let sequence = snapshot.sequenceNumber
            if own.contains(sequence) {
                goesOn = false
            } else if sequence <= point.changeSequence {
                // Sequence numbers cannot tell the commits of a format version 1 table apart.
                self = .reload("its change store numbers no commits")
                return
            } else if let last = ranges.last, sequence <= last.upperBound {
                self = .reload("its change store numbers commits in another order")
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

    /// Each range is read on its own.
    private static let rangesMax = 1000

    /// Why base has other rows than the changes say; nil if it has not.
    private static func baseReason(from point: ReadPoint, to base: Table) -> String? {
        let moved = base.metadata.history(since: point.baseSnapshotId, sequence: point.baseSequence)
        switch moved.beginning {
        case .found: break
        case .expired:
            guard let expired = ExpiredBaseCommits(base.metadata), expired.keepRows(since: point.baseSequence) else {
                return "commits of its base store have expired"
            }
        case .elsewhere: return "the history of its base store is broken"
        }
        guard let other = moved.snapshots.first(where: { $0.changesRows && !$0.isOptimizing }) else { return nil }
        return "snapshot \(other.id) has changed rows of its base store"
    }
}
