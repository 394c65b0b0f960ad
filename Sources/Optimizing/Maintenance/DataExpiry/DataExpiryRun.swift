import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import Values

/// Removes rows of a table because of their age, by whole files or partitions (spec section 10.8).
///
/// What is removed from base is no change: who reads the table's changes is not told of it. The change files of what is
/// removed go with it, but for those that base lacks, or that a consumer has not read.
public struct DataExpiryRun: Sendable {
    private let table: MixedTable
    private let zone: TimeZone
    private let nowMs: Int64

    public struct Outcome: Sendable, Equatable {
        public var files = 0
        public var rows: Int64 = 0
        public var deleteFiles = 0
        public var changeFiles = 0
        /// Partitions that wait until their changes are in base.
        public var waiting = 0

        public init() {}
    }

    /// - Parameters:
    ///   - zone: of times that are texts.
    ///   - nowMs: milliseconds since 1970.
    public init(_ table: MixedTable, zone: TimeZone = .current, nowMs: Int64) {
        self.table = table
        self.zone = zone
        self.nowMs = nowMs
    }

    private static let attempts = 10

    /// Removes what is due and returns the table afterwards. Does nothing for a table whose rows do not expire.
    ///
    /// Fails with `invalid` if the table's properties do not say how, and with `conflict` if others change base again and
    /// again.
    public func run() throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        var now = try table.refreshed()
        for attempt in 1... {
            do throws(WeirError) {
                return try once(now)
            } catch {
                guard error.code == .conflict, attempt < Self.attempts else { throw error }
                now = try now.refreshed()
            }
        }
        return (now, Outcome())
    }

    /// What `run` would remove of base, as of the state that was loaded.
    public func plan() throws(WeirError) -> Outcome { try look(table)?.outcome ?? Outcome() }

    /// What is due of a state of the table.
    private struct Look {
        let settings: DataExpirySettings
        let limitMs: Int64
        let ages: FileAges
        let optimized: OptimizedSequence
        /// The data files of base, and those of the change store.
        let files: [FileScanTask]
        let changes: [FileScanTask]
        let decision: DataExpiry

        var outcome: Outcome {
            var outcome = Outcome()
            outcome.waiting = decision.waiting
            outcome.files = decision.due.count
            outcome.rows = decision.due.reduce(0) { $0.addingClamped($1.file.recordCount) }
            return outcome
        }

        /// The delete files that apply to nothing but what is due.
        var deletes: [DataFile] {
            let removed = Set(decision.due.map(\.file.path))
            var deletes: [DataFile.ContentLocation: DataFile] = [:]
            for task in decision.due {
                for delete in task.deletes { deletes[delete.file.contentLocation] = delete.file }
            }
            for task in files where !removed.contains(task.file.path) {
                for delete in task.deletes { deletes[delete.file.contentLocation] = nil }
            }
            return deletes.values.sorted { ($0.path, $0.contentOffset ?? 0) < ($1.path, $1.contentOffset ?? 0) }
        }

        /// The change files of what is due.
        var oldChanges: [FileScanTask] {
            let partitions = Set(decision.due.map { PartitionKey($0.file) })
            return changes.filter { task in
                settings.level == .partition
                    ? partitions.contains(PartitionKey(task.file))
                    : ages.youngest(in: task.file).map { $0 <= limitMs } ?? false
            }
        }
    }

    private func look(_ table: MixedTable) throws(WeirError) -> Look? {
        let base = table.base
        guard let settings = try DataExpirySettings(base), MaintenanceSettings(table.properties).mayDelete,
            let limit = limit(settings, table)
        else { return nil }
        let optimized = try OptimizedSequence.read(base, snapshotId: base.metadata.currentSnapshotId)
        let changes = try table.change?.plan() ?? []
        let ages = FileAges(
            settings: settings,
            zone: zone,
            specs: Dictionary(base.metadata.specs.map { ($0.id, $0) }) { first, _ in first }
        )
        let files = try base.plan()
        let unmerged = changes.filter { !Self.isMerged($0.file, $0.dataSequenceNumber, base, optimized) }
        return Look(
            settings: settings,
            limitMs: limit,
            ages: ages,
            optimized: optimized,
            files: files,
            changes: changes,
            decision: DataExpiry(
                files,
                unmerged: unmerged,
                level: settings.level,
                youngest: ages.youngest,
                limitMs: limit
            )
        )
    }

    private static func isMerged(
        _ file: DataFile,
        _ sequence: Int64,
        _ base: Table,
        _ optimized: OptimizedSequence
    ) -> Bool { file.specId == base.spec.id && sequence <= optimized.sequence(ofPartition: file.partition) }

    private func once(_ table: MixedTable) throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        guard !BaseHold.isInForce(table.properties, nowMilliseconds: nowMs), let look = try look(table) else {
            return (table, Outcome())
        }
        var outcome = look.outcome
        if look.decision.due.isEmpty { return (table, outcome) }
        let deletes = look.deletes
        let (seen, identifier) = (table.base.metadata.currentSnapshotId, table.base.identifier)
        var transaction = Transaction(table.base)
        transaction.require { (metadata) throws(WeirError) in
            guard metadata.currentSnapshotId == seen else {
                throw WeirError(.conflict, "'\(identifier)' changed while its old rows were looked for")
            }
        }
        transaction.overwrite(
            adding: [],
            removing: look.decision.due.map(\.file),
            removingDeletes: deletes,
            summary: Snapshot.dataExpirySummary,
            operation: .delete
        )
        let base = try transaction.commit()
        outcome.deleteFiles = deletes.count
        var change = table.change
        if let store = change {
            let times = CommitTimes(store.metadata)
            let decision = ChangeExpiry(
                look.oldChanges,
                ageMs: 0,
                nowMs: nowMs,
                committed: { times.latest(ofSequence: $0) },
                readFrom: table.consumers.oldestNeeded(nowMilliseconds: nowMs) ?? .max,
                isMerged: { Self.isMerged($0, $1, table.base, look.optimized) }
            )
            (change, outcome.changeFiles) = try ChangeFileRemoval.remove(decision, from: store, nowMs: nowMs)
        }
        return (MixedTable(base: base, change: change, primaryKey: table.primaryKey), outcome)
    }

    /// Rows of this time and older expire; nil while nobody has written the table.
    private func limit(_ settings: DataExpirySettings, _ table: MixedTable) -> Int64? {
        let reference: Int64?
        switch settings.rule {
        case .now: reference = nowMs
        case .lastCommit:
            let stores = [table.base] + (table.change.map { [$0] } ?? [])
            reference = stores.compactMap { store in
                store.metadata.mainAncestors.first { !$0.isMaintenance }?.timestampMs
            }.max()
        }
        return reference?.subtractingClamped(settings.retentionMs)
    }
}
