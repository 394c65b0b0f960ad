import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Merges the change store into base. Every partition with unmerged changes is read at one point and rewritten as base
/// files, one set per node. The same commit advances the optimized sequence (spec sections 4.5, 6.2, 6.5).
///
/// A crash before the commit leaves unreferenced files; a crash after it leaves the new state. The change store is not
/// changed, so streaming readers are not affected.
public struct FullOptimize: Sendable {
    /// The result of one run.
    public struct Outcome: Sendable, Equatable {
        public var partitions = 0
        public var removedFiles = 0
        public var addedFiles = 0
        public var rows: Int64 = 0
    }

    private let table: MixedTable
    private let nowMilliseconds: Int64

    public init(_ table: MixedTable, nowMilliseconds: Int64) {
        self.table = table
        self.nowMilliseconds = nowMilliseconds
    }

    /// Runs once and returns the table after the commit. Fails with `conflict` when another writer changed the base
    /// files meanwhile. Nothing is changed then, and a later run starts again.
    ///
    /// - Parameter onBatch: called for each batch of rows.
    public func run(
        onBatch: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        let point = try table.optimizablePoint(nowMilliseconds: nowMilliseconds)
        let scan = try MergeOnReadScan(table, columns: RowLineage.schema(of: table), at: point)
        let nodes = table.isKeyed ? try table.baseBucketCount() : 1
        let writer = PartitionedFileWriter(table.base, of: table, schema: scan.schema, nodes: nodes)
        do {
            return try run(scan, point, writer, onBatch)
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func run(
        _ scan: MergeOnReadScan,
        _ point: ReadPoint,
        _ writer: PartitionedFileWriter,
        _ onBatch: () throws(WeirError) -> Void
    ) throws(WeirError) -> (table: MixedTable, outcome: Outcome) {
        var outcome = Outcome()
        var removed: [DataFile] = []
        var removedDeletes: [DataFile.ContentLocation: DataFile] = [:]
        var numbers = PartitionNumbers()
        // Files of another partition spec are kept: their rows may belong to many of the current partitions.
        let specId = table.base.spec.id
        let current = scan.tasks.filter { $0.dataFiles.allSatisfy { $0.task.specId == specId } }
        let due = Dictionary(grouping: current, by: \.path).filter { isDue($0.key, $0.value, scan) }
        var ids = SupersededRowIds()
        if table.isKeyed, RowLineage.isKept(by: table.base) {
            // All at first, since a row may come in another partition than the one it replaces.
            for task in due.values.flatMap({ $0 }) {
                try scan.collectSuperseded(task, into: &ids, check: onBatch)
            }
        }
        for (_, tasks) in due.sorted(by: { $0.key < $1.key }) {
            outcome.partitions += 1
            // Rewritten rows get the newest transaction that they contain (spec section 5.3); later deletes still
            // apply.
            let files = tasks.flatMap { $0.dataFiles + $0.deleteFiles }
            let transactionId = table.isKeyed ? files.map(\.role.transactionId).max() ?? 0 : 0
            for task in tasks {
                let number = numbers.number(of: PartitionKey(specId: specId, values: task.partition))
                try rewrite(task, scan, &ids, transactionId, number, writer, onBatch)
                for file in task.dataFiles where file.isBase {
                    removed.append(file.task.file)
                    for delete in file.task.deletes { removedDeletes[delete.file.contentLocation] = delete.file }
                }
            }
        }
        let sequences = table.isKeyed ? scan.sequences : [:]
        if due.isEmpty && sequences.isEmpty { return (table, outcome) }
        let added = try writer.finish()
        outcome.removedFiles = removed.count + removedDeletes.count
        outcome.addedFiles = added.count
        outcome.rows = writer.rowCount
        if added.isEmpty && removed.isEmpty { return (table, outcome) }
        let rewritten = Set(removed.map(\.path))
        let kept = scan.tasks.flatMap(\.dataFiles).filter { !rewritten.contains($0.task.file.path) }
        let shared = Set(kept.flatMap { $0.task.deletes.map(\.file.contentLocation) })
        let deletes = removedDeletes.values.filter { !shared.contains($0.contentLocation) }
            .sorted { ($0.path, $0.contentOffset ?? 0) < ($1.path, $1.contentOffset ?? 0) }
        let base: Table
        do throws(WeirError) {
            base = try commit(added, removed, deletes, sequences, point)
        } catch {
            // The added files are unreferenced, unless the commit may have taken effect.
            if error.code != .unknownState { for file in added { try? table.base.storage.delete(file.path) } }
            throw error
        }
        return (MixedTable(base: base, change: table.change, primaryKey: table.primaryKey), outcome)
    }

    /// A partition is due when it has changes to merge, deletes to apply, or several small files of one node.
    private func isDue(_ path: String, _ tasks: [NodeTask], _ scan: MergeOnReadScan) -> Bool {
        if scan.sequences[path] != nil { return true }
        let files = tasks.flatMap(\.dataFiles)
        if files.contains(where: { !$0.task.deletes.isEmpty }) { return true }
        let small = files.filter { $0.task.file.fileSize < table.targetFileBytes / 2 }
        return Dictionary(grouping: small, by: \.role.node).values.contains { $0.count > 1 }
    }

    private func rewrite(
        _ task: NodeTask,
        _ scan: MergeOnReadScan,
        _ ids: inout SupersededRowIds,
        _ transactionId: Int64,
        _ number: UInt32,
        _ writer: PartitionedFileWriter,
        _ onBatch: () throws(WeirError) -> Void
    ) throws(WeirError) {
        let keyColumns = table.primaryKey.compactMap { table.schema.index(ofField: $0.id) }
        try scan.read(task) { (batch) throws(WeirError) in
            try onBatch()
            let keys = keyColumns.map { batch.columns[$0] }
            let rows = ids.giveIds(to: batch) {
                KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
            }
            try writer.write(
                rows,
                partitions: [UInt32](repeating: number, count: batch.count),
                hashes: table.isKeyed ? KeyHash.hashes(of: keys, count: batch.count) : nil,
                type: .base,
                transactionId: transactionId,
                partition: { _ in task.partition }
            )
            return true
        }
    }

    private func commit(
        _ added: [DataFile],
        _ removed: [DataFile],
        _ removedDeletes: [DataFile],
        _ sequences: [String: Int64],
        _ point: ReadPoint
    ) throws(WeirError) -> Table {
        var summary = Snapshot.optimizingSummary
        var transaction = Transaction(table.base)
        if table.isKeyed {
            summary = try transaction.setOptimized(
                sequences,
                after: OptimizedSequence.read(table.base, snapshotId: point.baseSnapshotId),
                of: table.base,
                nowMilliseconds: nowMilliseconds
            )
            transaction.removeProperties([BaseHold.property])
        }
        // The base of a keyed table must be unchanged: another run may have merged the same changes. An unkeyed table
        // may receive appends meanwhile; any other commit may concern rows that this one moves.
        let identifier = table.identifier
        let isKeyed = table.isKeyed
        let (version, nextRowId) = (table.base.metadata.formatVersion, table.base.metadata.nextRowId)
        let lacksIds = version > 2 && removed.contains { $0.firstRowId == nil }
        let sequence = point.baseSnapshotId.flatMap { table.base.metadata.snapshot(id: $0)?.sequenceNumber } ?? 0
        transaction.require { (metadata) throws(WeirError) in
            let newer = metadata.history(since: point.baseSnapshotId, sequence: sequence)
            // Where commits in between have expired, the validation of this one looks at the files themselves.
            let isKnown =
                switch newer.beginning {
                case .found: true
                case .expired: sequence > 0
                case .elsewhere: false
                }
            let onlyAppends = isKnown && newer.snapshots.allSatisfy { $0.operation == "append" }
            // Row ids that the rows have got meanwhile are not in the new files.
            let hasIds = metadata.formatVersion == version && (!lacksIds || metadata.nextRowId == nextRowId)
            let isUnchanged = isKeyed ? metadata.currentSnapshotId == point.baseSnapshotId : onlyAppends
            guard isUnchanged, hasIds else {
                throw WeirError(
                    .conflict,
                    "the base store of \(identifier) changed while it was being optimized",
                    advice: "run optimize again"
                )
            }
        }
        transaction.overwrite(
            adding: added,
            removing: removed,
            removingDeletes: removedDeletes,
            summary: summary,
            validateFrom: point.baseSnapshotId
        )
        return try transaction.commit()
    }
}
