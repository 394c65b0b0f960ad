import Bytes
import IcebergFormat

// The order of a table's snapshots, from parent ids and the snapshot log. Timestamps and sequence numbers are not
// sufficient: other branches use both too, format version 1 numbers everything 0, and expiry leaves gaps.
extension TableMetadata {
    /// A snapshot and its retained ancestors, newest first.
    public func ancestors(of snapshotId: Int64?) -> [Snapshot] {
        guard let snapshotId, let head = snapshots.lastIndex(where: { $0.id == snapshotId }) else { return [] }
        var chain = [snapshots[head]]
        // As a rule a parent is listed before its child, with siblings in between.
        var place = head
        while let parent = snapshots[place].parentId {
            repeat { place -= 1 } while place >= 0 && snapshots[place].id != parent
            guard place >= 0 else { return chain + unorderedAncestors(from: parent, besides: chain) }
            chain.append(snapshots[place])
        }
        return chain
    }

    /// The same for metadata whose snapshots have another order.
    private func unorderedAncestors(from start: Int64, besides known: [Snapshot]) -> [Snapshot] {
        guard snapshot(id: start) != nil else { return [] }
        let byId = Dictionary(snapshots.map { ($0.id, $0) }) { $1 }
        var chain: [Snapshot] = []
        var seen = Set(known.map(\.id))
        var next: Int64? = start
        while let id = next, let snapshot = byId[id], seen.insert(id).inserted {
            chain.append(snapshot)
            next = snapshot.parentId
        }
        return chain
    }

    /// The retained snapshots of the main branch, newest first.
    public var mainAncestors: [Snapshot] { ancestors(of: currentSnapshotId) }

    /// The snapshot that was current at a time, by the snapshot log, since main may have been rolled back later.
    /// Without a snapshot log, the ancestors of the current snapshot decide.
    ///
    /// - Returns: nil if the table was empty then or the snapshot has expired; see `isHistoryCut`.
    public func snapshot(asOf timestampMs: Int64) -> Snapshot? {
        if snapshotLog.isEmpty { return mainAncestors.first { $0.timestampMs <= timestampMs } }
        return snapshotLog.last { $0.timestampMs <= timestampMs }.flatMap { snapshot(id: $0.snapshotId) }
    }

    /// Whether the oldest snapshots of main have expired.
    public var isHistoryCut: Bool { mainAncestors.last.map(\.hasLostParent) ?? false }

    /// The commits of main after a snapshot.
    ///
    /// - Parameters:
    ///   - start: nil for the beginning of the table.
    ///   - sequence: sequence number of the start snapshot, which may have expired; 0 if unknown.
    public func history(since start: Int64?, sequence: Int64 = 0) -> SnapshotHistory {
        let chain = mainAncestors
        let whole = Array(chain.reversed())
        if let start, let index = chain.firstIndex(where: { $0.id == start }) {
            return SnapshotHistory(snapshots: whole.suffix(index), beginning: .found)
        }
        let isCut = chain.last.map(\.hasLostParent) ?? false
        if start == nil ? !isCut : !chain.isEmpty && chain.last?.parentId == start {
            return SnapshotHistory(snapshots: whole, beginning: .found)
        }
        // All ancestors with the sequence number of the oldest one left, or a higher one, are there.
        guard let oldest = whole.first, isCut, start.map({ isExpired($0) }) ?? true,
            sequence == 0 || sequence < oldest.sequenceNumber && ExpiredCommits(self)?.isElsewhere(sequence) != true
        else {
            return SnapshotHistory(snapshots: whole, beginning: .elsewhere)
        }
        guard sequence > 0, oldest.sequenceNumber == sequence + 1 else {
            return SnapshotHistory(snapshots: whole, beginning: .expired(oldest: oldest))
        }
        // Nothing lies between. A parent that is another one tells that the table was rolled back behind the start.
        let isChild = start == nil || oldest.parentId == nil
        return SnapshotHistory(snapshots: whole, beginning: isChild ? .found : .elsewhere)
    }

    /// Whether a snapshot that is no ancestor of the current one may have been one before others expired.
    private func isExpired(_ id: Int64) -> Bool {
        snapshot(id: id) == nil || ExpiredCommits(self)?.kept.contains(id) == true
    }

    /// The commits of main with sequence numbers above `start`, for readers that know only a sequence number. Commits
    /// of format version 1 have none.
    public func history(aboveSequence start: Int64) -> SnapshotHistory {
        if start <= 0 { return history(since: nil) }
        let chain = mainAncestors
        let newer = Array(chain.prefix { $0.sequenceNumber > start }.reversed())
        guard newer.count == chain.count, let oldest = newer.first else {
            return SnapshotHistory(snapshots: newer, beginning: chain.isEmpty ? .elsewhere : .found)
        }
        let isNext = !oldest.hasLostParent || oldest.sequenceNumber == start + 1
        return SnapshotHistory(snapshots: newer, beginning: isNext ? .found : .expired(oldest: oldest))
    }

    /// What is known of the commit with a sequence number.
    public func commit(ofSequence number: Int64) -> NumberedCommit {
        if number > lastSequenceNumber { return .toCome }
        let chain = mainAncestors
        if let snapshot = chain.first(where: { $0.sequenceNumber == number }) { return .main(snapshot) }
        guard let oldest = chain.last, number < oldest.sequenceNumber, oldest.hasLostParent else { return .elsewhere }
        return ExpiredCommits(self)?.isElsewhere(number) == true ? .elsewhere : .expired
    }

    /// The newest commit of main before a time. All changes at or after that time come after it.
    ///
    /// - Returns: nil if no retained commit is older.
    public func lastSnapshot(before timestampMs: Int64) -> Snapshot? {
        mainAncestors.first { $0.timestampMs < timestampMs }
    }
}

/// Where the commit with a sequence number is.
public enum NumberedCommit: Sendable, Equatable {
    case main(Snapshot)
    /// Its snapshot has expired; it was one of main as far as is known.
    case expired
    /// It was rolled back, or is on another branch.
    case elsewhere
    /// There is no such commit yet.
    case toCome
}

/// A range of a branch's commits.
public struct SnapshotHistory: Sendable {
    /// Oldest first. If the beginning was not found, the retained ones.
    public let snapshots: [Snapshot]
    public let beginning: Beginning

    public enum Beginning: Sendable, Equatable {
        /// The first snapshot directly follows the start.
        case found
        /// Snapshots after the start have expired; this is the oldest one left.
        case expired(oldest: Snapshot)
        /// The start is not an ancestor of the current snapshot: the table was rolled back, or the start is on another
        /// branch.
        case elsewhere
    }

    init(snapshots: [Snapshot], beginning: Beginning) {
        self.snapshots = snapshots
        self.beginning = beginning
    }
}

extension Snapshot {
    /// For the oldest retained snapshot of a branch: whether earlier ones have expired.
    ///
    /// Most engines keep the id of the expired parent. PyIceberg removes it. Then a sequence number above 1 (a table's
    /// first commit has 1), or a summary with more total than added files, shows that there was a parent. True in case
    /// of doubt: the retained snapshot is then read as a full state, which is correct in either case.
    public var hasLostParent: Bool {
        if parentId != nil || sequenceNumber > 1 { return true }
        guard let total = summary["total-data-files"].flatMap({ Int64($0) }) else { return false }
        return total > summary["added-data-files"].flatMap { Int64($0) } ?? 0
    }
}
