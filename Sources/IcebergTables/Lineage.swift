import Bytes
import IcebergFormat

// How a table's snapshots follow each other. Time order and sequence numbers do not tell: other branches take part in
// both, version 1 numbers everything 0, and expiry leaves holes. The parent ids and the snapshot log do.
extension TableMetadata {
    /// A snapshot and its ancestors, newest first, as far back as they are kept.
    public func ancestors(of snapshotId: Int64?) -> [Snapshot] {
        let byId = Dictionary(snapshots.map { ($0.id, $0) }) { $1 }
        var chain: [Snapshot] = []
        var seen: Set<Int64> = []
        var next = snapshotId
        while let id = next, let snapshot = byId[id], seen.insert(id).inserted {
            chain.append(snapshot)
            next = snapshot.parentId
        }
        return chain
    }

    /// What the main branch went through, newest first, as far back as it is kept.
    public var mainAncestors: [Snapshot] { ancestors(of: currentSnapshotId) }

    /// What was the current state at a time, by the snapshot log: main may have been rolled back since. Tables whose
    /// writers keep no log are told by the ancestors.
    ///
    /// - Returns: nil when the table was empty then, or that state has expired; `isHistoryCut` tells which.
    public func snapshot(asOf timestampMs: Int64) -> Snapshot? {
        if snapshotLog.isEmpty { return mainAncestors.first { $0.timestampMs <= timestampMs } }
        return snapshotLog.last { $0.timestampMs <= timestampMs }.flatMap { snapshot(id: $0.snapshotId) }
    }

    /// Whether the oldest snapshots of main have expired.
    public var isHistoryCut: Bool { mainAncestors.last.map(\.hasLostParent) ?? false }

    /// The commits of main behind a snapshot.
    ///
    /// - Parameters:
    ///   - start: nil for the beginning.
    ///   - sequence: of the start, which may have expired and be nobody's parent any more; 0 where it is not known.
    public func history(since start: Int64?, sequence: Int64 = 0) -> SnapshotHistory {
        let chain = mainAncestors
        let whole = Array(chain.reversed())
        if let start, let place = chain.firstIndex(where: { $0.id == start }) {
            return SnapshotHistory(snapshots: whole.suffix(place), beginning: .found)
        }
        let isCut = isHistoryCut
        if start == nil ? !isCut : !chain.isEmpty && chain.last?.parentId == start {
            return SnapshotHistory(snapshots: whole, beginning: .found)
        }
        guard let oldest = whole.first, isCut, start.flatMap({ snapshot(id: $0) }) == nil else {
            return SnapshotHistory(snapshots: whole, beginning: .elsewhere)
        }
        let isNext = sequence > 0 && oldest.sequenceNumber == sequence + 1
        return SnapshotHistory(snapshots: whole, beginning: isNext ? .found : .expired(oldest: oldest))
    }

    /// The commits of main with sequence numbers above one: for readers that know no more. Version 1 commits have none.
    public func history(aboveSequence start: Int64) -> SnapshotHistory {
        if start <= 0 { return history(since: nil) }
        let chain = mainAncestors
        let newer = Array(chain.prefix { $0.sequenceNumber > start }.reversed())
        guard newer.count == chain.count, let oldest = newer.first else {
            return SnapshotHistory(snapshots: newer, beginning: chain.isEmpty ? .elsewhere : .found)
        }
        let isNext = !isHistoryCut || oldest.sequenceNumber == start + 1
        return SnapshotHistory(snapshots: newer, beginning: isNext ? .found : .expired(oldest: oldest))
    }

    /// The newest commit of main that is older than a time: changes that are not older come behind it.
    ///
    /// - Returns: nil when every commit that is kept is younger.
    public func lastSnapshot(before timestampMs: Int64) -> Snapshot? {
        mainAncestors.first { $0.timestampMs < timestampMs }
    }
}

/// A stretch of a branch's commits.
public struct SnapshotHistory: Sendable {
    /// Oldest first. Where the beginning was not found, what is left of them.
    public let snapshots: [Snapshot]
    public let beginning: Beginning

    public enum Beginning: Sendable, Equatable {
        /// Nothing lies between the start and the first of the snapshots.
        case found
        /// Snapshots behind the start have expired; this is the oldest one left.
        case expired(oldest: Snapshot)
        /// The start is no ancestor of the current state: the table was rolled back, or the start is of another branch.
        case elsewhere
    }

    init(snapshots: [Snapshot], beginning: Beginning) {
        self.snapshots = snapshots
        self.beginning = beginning
    }
}

extension Snapshot {
    /// Of the oldest of a line of snapshots: whether others came before it.
    ///
    /// Most engines leave it the id of a parent that is not kept any more. PyIceberg takes the id away: then the sequence
    /// number tells, which is 1 for a table's first commit, or a summary that counts more files than were added. When in
    /// doubt there was a parent: what is kept is then read as a state, which is right in either case.
    public var hasLostParent: Bool {
        if parentId != nil || sequenceNumber > 1 { return true }
        guard let total = summary["total-data-files"].flatMap({ Int64($0) }) else { return false }
        return total > summary["added-data-files"].flatMap { Int64($0) } ?? 0
    }
}
