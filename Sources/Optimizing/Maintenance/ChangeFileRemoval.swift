import Bytes
import IcebergFormat
import IcebergTables
import MixedTables

/// Takes files out of a change store whose changes base contains (spec section 6.7). They stay in the folder until no
/// snapshot names them.
///
/// Writers, readers that follow and what moves changes into base go on beside it: the commits say of themselves that
/// they only remove what is merged.
public struct ChangeFileRemoval: Sendable {
    private let table: MixedTable
    private let nowMs: Int64

    /// - Parameter nowMs: milliseconds since 1970.
    public init(_ table: MixedTable, nowMs: Int64) {
        self.table = table
        self.nowMs = nowMs
    }

    public struct Outcome: Sendable, Equatable {
        public var files = 0
        public var bytes: Int64 = 0
        public var commits = 0
        /// Files that stay for a consumer.
        public var needed = 0

        public init() {}
    }

    /// What is due; nothing for a table without a change store.
    public func plan() throws(WeirError) -> ChangeExpiry {
        guard let change = table.change else { return Self.nothing }
        let settings = MaintenanceSettings(table.properties)
        guard settings.deletesExpired, change.metadata.currentSnapshot != nil else { return Self.nothing }
        let maps = try Self.maps(of: table.base)
        if maps.isEmpty { return Self.nothing }
        let times = CommitTimes(change.metadata)
        let specId = table.base.spec.id
        return ChangeExpiry(
            try change.plan(),
            ageMs: settings.changeAgeMs,
            nowMs: nowMs,
            committed: { times.latest(ofSequence: $0) },
            readFrom: table.consumers.oldestNeeded(nowMilliseconds: nowMs) ?? .max,
            isMerged: { file, sequence in
                file.specId == specId && maps.allSatisfy { sequence <= $0.sequence(ofPartition: file.partition) }
            }
        )
    }

    private static let nothing = ChangeExpiry(
        [],
        ageMs: 0,
        nowMs: 0,
        committed: { _ in nil },
        isMerged: { _, _ in false }
    )

    /// What base contains of the changes now, and in the oldest state that it may be taken back to.
    private static func maps(of base: Table) throws(WeirError) -> [OptimizedSequence] {
        guard let current = base.metadata.currentSnapshotId else { return [] }
        let newest = try OptimizedSequence.read(base, snapshotId: current)
        for snapshot in base.metadata.mainAncestors.reversed() where snapshot.id != current {
            do throws(WeirError) {
                return [newest, try OptimizedSequence.read(base, snapshotId: snapshot.id)]
            } catch  where error.code == .notFound {
                // What it contains has been forgotten, so nobody can read it or go back to it.
            }
        }
        return [newest]
    }

    /// Removes what is due and returns the table afterwards.
    ///
    /// Fails with `conflict` if another process has removed some of it first.
    ///
    /// - Parameter check: called before each commit; an error it throws ends the work, and what was committed stays.
    public func run(
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        let plan = try plan()
        var outcome = Outcome()
        outcome.needed = plan.needed
        guard let change = table.change else { return (table, outcome) }
        let (left, files) = try Self.remove(plan, from: change, nowMs: nowMs) { (batch) throws(WeirError) in
            outcome.commits += 1
            outcome.bytes = batch.reduce(outcome.bytes) { $0.addingClamped($1.file.fileSize) }
            try check()
        }
        outcome.files = files
        return (MixedTable(base: table.base, change: left, primaryKey: table.primaryKey), outcome)
    }

    /// Removes what a decision says from a change store, in commits of a bounded size.
    ///
    /// - Parameter onBatch: called before each commit; an error it throws ends the work, and what was committed stays.
    /// - Returns: the store afterwards, and the number of files.
    static func remove(
        _ decision: ChangeExpiry,
        from store: Table,
        nowMs: Int64,
        onBatch: (ArraySlice<FileScanTask>) throws(WeirError) -> Void = { (_) throws(WeirError) in }
    ) throws(WeirError) -> (store: Table, files: Int) {
        var change = store
        let identifier = store.identifier
        for batch in decision.batches {
            try onBatch(batch)
            let newest = batch.map(\.dataSequenceNumber).max() ?? 0
            var transaction = Transaction(change)
            transaction.retryPatiently()
            transaction.require { (metadata) throws(WeirError) in
                let needed = Consumers(metadata.properties).oldestNeeded(nowMilliseconds: nowMs) ?? .max
                guard needed >= newest else {
                    throw WeirError(.conflict, "a consumer of \(identifier) has come that needs the changes to remove")
                }
            }
            transaction.overwrite(
                adding: [],
                removing: batch.map(\.file),
                summary: Snapshot.removedChangesSummary(upTo: newest),
                operation: .delete
            )
            change = try transaction.commit()
        }
        return (change, decision.due.count)
    }
}
