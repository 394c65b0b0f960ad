import Bytes
import IcebergFormat
import IcebergTables

/// The state that a reader pins: a snapshot of base and the highest visible change sequence.
public struct ReadPoint: Sendable, Equatable {
    /// Nil when base holds nothing yet.
    public let baseSnapshotId: Int64?
    /// The sequence number of that snapshot; 0 without one, and where it is not known.
    public let baseSequence: Int64
    /// Nil when the change store holds nothing yet, and for unkeyed tables.
    public let changeSnapshotId: Int64?
    /// Changes with a higher data sequence number are not visible.
    public let changeSequence: Int64

    /// The sequence number of base goes with its id.
    public static func == (left: Self, right: Self) -> Bool {
        left.baseSnapshotId == right.baseSnapshotId && left.changeSnapshotId == right.changeSnapshotId
            && left.changeSequence == right.changeSequence
    }

    /// The current state.
    public init(current table: MixedTable) {
        let changeSnapshot = table.change?.metadata.currentSnapshot
        let baseSnapshot = table.base.metadata.currentSnapshot
        baseSnapshotId = baseSnapshot?.id
        baseSequence = baseSnapshot?.sequenceNumber ?? 0
        changeSnapshotId = changeSnapshot?.id
        changeSequence = changeSnapshot?.sequenceNumber ?? 0
    }

    private init(base: Int64?, change: Snapshot?) {
        (baseSnapshotId, baseSequence) = (base, 0)
        changeSnapshotId = change?.id
        changeSequence = change?.sequenceNumber ?? 0
    }

    /// The same changes with another state of base.
    func with(base: Table) -> ReadPoint {
        let snapshot = base.metadata.currentSnapshot
        return ReadPoint(
            base: (snapshot?.id, snapshot?.sequenceNumber ?? 0),
            changeSnapshotId: changeSnapshotId,
            upTo: changeSequence
        )
    }

    /// The same without changes from a data sequence number on.
    func before(_ sequence: Int64) -> ReadPoint {
        ReadPoint(
            base: (baseSnapshotId, baseSequence),
            changeSnapshotId: changeSnapshotId,
            upTo: min(changeSequence, sequence - 1)
        )
    }

    /// A state that was noted down.
    init(base: Int64?, change: Int64?, upTo sequence: Int64) {
        self.init(base: (base, 0), changeSnapshotId: change, upTo: sequence)
    }

    private init(base: (id: Int64?, sequence: Int64), changeSnapshotId: Int64?, upTo sequence: Int64) {
        (baseSnapshotId, baseSequence) = base
        self.changeSnapshotId = changeSnapshotId
        changeSequence = sequence
    }

    /// The state at one snapshot of either store. A change-store snapshot is combined with the newest base snapshot
    /// that contains no later changes. A base-store snapshot shows base alone.
    public init(snapshot id: Int64, of table: MixedTable) throws(WeirError) {
        if let change = table.change, let snapshot = change.metadata.snapshot(id: id) {
            self.init(base: try Self.base(of: table, at: snapshot, from: table.base.currentSnapshot), change: snapshot)
        } else if table.base.metadata.snapshot(id: id) != nil {
            self.init(base: id, change: nil)
        } else {
            throw SnapshotName.missing(String(id), in: table)
        }
    }

    /// Combines a change-store snapshot with the newest base snapshot, from `newest` backwards, that contains no later
    /// changes.
    init(change: Snapshot, overBaseUpTo newest: Snapshot, of table: MixedTable) throws(WeirError) {
        self.init(base: try Self.base(of: table, at: change, from: newest), change: change)
    }

    /// The state at a time, in milliseconds since 1970: the snapshots that were current in both stores then.
    public init(asOf timestamp: Int64, of table: MixedTable) throws(WeirError) {
        let base = table.base.metadata.snapshot(asOf: timestamp)
        let change = table.change?.metadata.snapshot(asOf: timestamp)
        let stores = [(table.base, base)] + (table.change.map { [($0, change)] } ?? [])
        for (store, snapshot) in stores where snapshot == nil && store.metadata.isHistoryCut {
            _ = try store.snapshot(asOf: timestamp)
        }
        guard base != nil || change != nil else {
            throw WeirError(
                .notFound,
                "table \(table.identifier) has no snapshot as old as \(SnapshotTime.text(timestamp))",
                advice: table.stores.allSatisfy(\.snapshots.isEmpty)
                    ? "it has none yet" : "'weir table snapshots \(table.identifier)' lists those it has"
            )
        }
        guard let change else {
            self.init(base: base?.id, change: nil)
            return
        }
        self.init(base: try Self.base(of: table, at: change, from: base), change: change)
    }

    /// The newest base snapshot, from `newest` backwards, that contains no changes later than a change-store snapshot.
    private static func base(
        of table: MixedTable,
        at change: Snapshot,
        from newest: Snapshot?
    ) throws(WeirError) -> Int64? {
        let ancestors = table.base.metadata.ancestors(of: newest?.id)
        func isFree(_ snapshot: Snapshot) throws(WeirError) -> Bool {
            let optimized = try OptimizedSequence.read(table.base, snapshotId: snapshot.id)
            return optimized.sequences.values.allSatisfy { $0 <= change.sequenceNumber }
        }
        // What base contains grows along the chain. Where it is recorded, the newest snapshot is found by halving.
        var (first, end) = (0, (ancestors.lastIndex(where: OptimizedSequence.isRecorded) ?? -1) + 1)
        let recorded = end
        while first < end {
            let middle = (first + end) / 2
            if try isFree(ancestors[middle]) { end = middle } else { first = middle + 1 }
        }
        if first < recorded { return ancestors[first].id }
        // All older ones are alike, except that more is known of the current one.
        for snapshot in ancestors.dropFirst(recorded).prefix(2) where try isFree(snapshot) { return snapshot.id }
        guard let oldest = ancestors.last, oldest.hasLostParent else { return nil }
        throw WeirError(
            .notFound,
            "the base snapshot that goes with change snapshot \(change.id) has expired",
            at: table.identifier.description,
            advice: "read a newer one; 'weir table snapshots \(table.identifier)' lists those it has"
        )
    }
}
