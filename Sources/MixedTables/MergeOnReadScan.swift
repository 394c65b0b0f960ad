import Bytes
import Columnar
import Dispatch
import IcebergFormat
import IcebergTables
import Synchronization

/// The rows of a table at a read point: base rows that no newer change removed, and the newest new images.
///
/// Follows spec section 5 for keyed tables. For an unkeyed table it is an Iceberg scan with position and equality
/// deletes.
public struct MergeOnReadScan: Sendable {
    /// The columns of the result, in order.
    public let schema: Schema
    let tasks: [NodeTask]
    /// The highest change sequence in the plan, by partition path.
    let sequences: [String: Int64]
    private let reader: DataFileReader

    /// - Parameters:
    ///   - columns: the columns of the result; nil for all of the table's.
    ///   - filter: on the table's columns.
    ///   - point: the state to read; nil for the table's loaded state.
    public init(
        _ table: MixedTable,
        columns: Schema? = nil,
        filter: RowFilter? = nil,
        at point: ReadPoint? = nil
    ) throws(WeirError) {
        try self.init(table, columns: columns, filter: filter, at: point, optimized: nil)
    }

    /// - Parameter optimized: how much base holds there of the changes, by partition path; nil to read it.
    init(
        _ table: MixedTable,
        columns: Schema?,
        filter: RowFilter?,
        at point: ReadPoint?,
        optimized known: [String: Int64]?
    ) throws(WeirError) {
        let point = point ?? ReadPoint(current: table)
        schema = columns ?? table.schema
        let bounds = filter?.bounds ?? []
        var base: [FileScanTask] = []
        if let id = point.baseSnapshotId { base = try table.base.plan(snapshotId: id, bounds: bounds) }
        if let change = table.change {
            let optimized =
                if let known { OptimizedSequence(table.base, sequences: known) } else {
                    try OptimizedSequence.read(table.base, snapshotId: point.baseSnapshotId)
                }
            var changes: [FileScanTask] = []
            if let id = point.changeSnapshotId {
                // Manifests of changes that base has are not read. Without partitions one number says which they are;
                // version 1 has no numbers.
                let isOne = table.base.spec.fields.isEmpty && change.metadata.formatVersion > 1
                // A delete may hide a row with other values (spec section 5.1), but only one with the same key.
                changes = try change.plan(
                    snapshotId: id,
                    bounds: bounds,
                    statisticsOf: Set(table.primaryKey.map(\.id)),
                    sequencesAbove: isOne ? optimized.sequence(ofPartition: []) : 0
                )
            }
            let plan = try NodeTaskPlan(
                base: base,
                change: changes,
                optimized: optimized,
                upTo: point.changeSequence,
                spec: table.base.spec
            )
            let hash = filter?.keyHash(in: table)
            tasks = plan.tasks.filter { task in hash.map { task.node.covers(hash: $0) } ?? true }
            sequences = plan.sequences
        } else {
            let spec = table.base.spec
            var tasks: [NodeTask] = []
            for task in base {
                // One task per file: the files are independent.
                let role = FileRole(type: .base, node: .root, transactionId: task.dataSequenceNumber)
                let path = task.file.specId == spec.id ? spec.path(for: task.file.partition) : ""
                let file = NodeTask.File(task: task, role: role, isBase: true)
                tasks.append(
                    NodeTask(
                        partition: task.file.partition,
                        path: path,
                        node: .root,
                        dataFiles: [file],
                        deleteFiles: []
                    )
                )
            }
            self.tasks = tasks
            sequences = [:]
        }
        reader = try DataFileReader(table: table, schema: schema, filter: filter)
    }

    /// Reads one task; the body returns false to stop.
    ///
    /// - Parameter check: called for each batch of deletes; an error it throws ends the reading.
    func read(
        _ task: NodeTask,
        check: () throws(WeirError) -> Void = {},
        _ body: (ColumnBatch) throws(WeirError) -> Bool
    ) throws(WeirError) {
        let deleted = try reader.deletedKeys(task, check: check)
        for file in task.dataFiles {
            guard try reader.read(file, deleted: deleted, body) else { return }
        }
    }

    /// Collects the row ids of base rows that a task's deletes take away.
    func collectSuperseded(
        _ task: NodeTask,
        into ids: inout SupersededRowIds,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        try reader.collectSuperseded(task, into: &ids, check: check)
    }

    /// Reads everything on the calling thread, at each time in the same order; the body returns false to stop.
    public func forEachInOrder(_ body: (ColumnBatch) throws(WeirError) -> Bool) throws(WeirError) {
        for task in tasks {
            var goesOn = true
            try read(task) { (batch) throws(WeirError) in
                goesOn = try body(batch)
                return goesOn
            }
            if !goesOn { return }
        }
    }

    /// Reads everything on several threads. The body is called by one thread at a time, in no defined order, and
    /// returns false to stop.
    public func forEach(
        parallelism: Int = 2,
        _ body: @Sendable (ColumnBatch) throws(WeirError) -> Bool
    ) throws(WeirError) {
        let nextTask = Atomic<Int>(0)
        let gate = Mutex(Gate())
        DispatchQueue.concurrentPerform(iterations: max(1, min(parallelism, tasks.count))) { _ in
            while true {
                let index = nextTask.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < tasks.count else { return }
                do throws(WeirError) {
                    try read(tasks[index]) { (batch) throws(WeirError) in
                        try gate.withLock { (gate) throws(WeirError) in
                            if gate.isClosed { return false }
                            let goesOn = try body(batch)
                            if !goesOn { gate.isClosed = true }
                            return goesOn
                        }
                    }
                } catch {
                    gate.withLock { gate in
                        gate.isClosed = true
                        gate.failure = gate.failure ?? error
                    }
                }
                if gate.withLock({ $0.isClosed }) { return }
            }
        }
        if let failure = gate.withLock({ $0.failure }) { throw failure }
    }

    private struct Gate {
        var isClosed = false
        var failure: WeirError?
    }

    /// Number of rows in the result.
    public func count() throws(WeirError) -> Int {
        let total = Atomic<Int>(0)
        try forEach { (batch) throws(WeirError) in
            total.wrappingAdd(batch.count, ordering: .relaxed)
            return true
        }
        return total.load(ordering: .relaxed)
    }
}
