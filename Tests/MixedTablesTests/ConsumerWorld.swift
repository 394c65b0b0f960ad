import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import Synchronization
import WeirTesting

/// A table with a writer that is optimized and whose snapshots expire, and what readers of its changes must see.
struct ConsumerWorld {
    static let identifier = TableIdentifier(namespace: ["shop"], name: "things")

    /// A time that only moves when it is told.
    final class Clock: Sendable {
        private let value = Mutex<Int64>(2_000_000_000_000)

        var now: Int64 { value.withLock { $0 } }
        func advance(_ milliseconds: Int64) { value.withLock { $0 += milliseconds } }
    }

    let folder: String
    let clock = Clock()
    var table: MixedTable
    private var writer: any TableWriter
    private var ledger = PositionLedger()
    private var number: Int64 = 0
    /// The changes of each commit, as they were read right behind it: kind and row.
    private(set) var commits: [(sequence: Int64, changes: [String])] = []

    init(_ folder: String, key: [String], properties: [String: String] = [:]) throws {
        self.folder = folder
        let catalog = try Self.catalog(folder, clock)
        try catalog.createNamespace(["shop"], ifNotExists: true)
        let definition = MixedTableDefinition(
            identifier: Self.identifier,
            schema: Schema([Field(id: 1, name: "id", type: .long), Field(id: 2, name: "n", type: .long)]),
            primaryKey: key,
            properties: ["snapshot.keep.max-count": "3"].merging(properties) { $1 }
        )
        table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
        writer = key.isEmpty ? UnkeyedTableWriter(table) : try KeyedTableWriter(table)
    }

    private static func time(_ clock: Clock) -> TransactionClock {
        TransactionClock(nowMs: { clock.now }, sleep: { _ in }, random: { UInt64.random(in: 0...(.max)) })
    }

    private static func catalog(_ folder: String, _ clock: Clock) throws -> FaultyCatalog {
        let real = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        return FaultyCatalog(real: real, files: FaultyFileSystem(), clock: time(clock))
    }

    /// Commits changes: inserts, and of a keyed table updates of the same ids.
    mutating func write(_ count: Int) throws {
        clock.advance(1000)
        if let keyed = writer as? KeyedTableWriter, keyed.isBetweenEpochs, try keyed.baseHasMoved() {
            _ = try keyed.follow(table.refreshed())
        }
        var changes: [(ChangeKind, ModelRow)] = []
        for _ in 0..<count {
            number += 1
            let id = table.isKeyed ? number % 7 : number
            changes.append((table.isKeyed ? .updateAfter : .insert, [.long(id), .long(number)]))
        }
        _ = try writer.write(.changes(changes, table.schema))
        let before = try table.refreshed().newestChange
        let next = PositionLedger(["t": [0: number]])
        var epoch = TableEpoch(try writer.cut(), of: table, topology: "t", from: ledger, to: next)
        epoch.clock = Self.time(clock)
        table = try MixedTable.commit([epoch])[0]
        ledger = next
        var texts: [String] = []
        try ChangeLogScan(table, since: before).forEach { (batch) throws(WeirError) in
            texts += Self.texts(batch)
            return true
        }
        commits.append((table.newestChange.sequence, texts))
    }

    static func texts(_ batch: ChangeLogBatch) -> [String] {
        (0..<batch.count).map { "\(batch.sequence) \(batch.kind($0).symbol) \(batch.rows.modelRow($0))" }
    }

    mutating func optimize() throws {
        clock.advance(1000)
        _ = try FullOptimize(table.refreshed(), nowMilliseconds: clock.now).run()
        table = try table.refreshed()
    }

    /// Removes change files that are in base and that no live consumer needs, as maintenance does.
    mutating func expireChanges() throws {
        table = try table.refreshed()
        guard let change = table.change else { return }
        let merged = try OptimizedSequence.read(table.base, snapshotId: table.base.currentSnapshot?.id)
            .sequence(ofPartition: [])
        let limit = min(merged, table.consumers.oldestNeeded(nowMilliseconds: clock.now) ?? .max)
        let old = try change.plan().filter { $0.dataSequenceNumber <= limit }
        if old.isEmpty { return }
        clock.advance(1000)
        var removal = Transaction(change)
        removal.overwrite(adding: [], removing: old.map(\.file), operation: .delete)
        _ = try removal.commit()
        table = try table.refreshed()
    }

    /// Takes the newest commit back.
    mutating func rollBack() throws {
        table = try table.refreshed()
        let store = table.ingestStore
        let line = store.metadata.mainAncestors
        guard line.count > 1 else { return }
        clock.advance(1000)
        var transaction = Transaction(store)
        let before = line[1].id
        transaction.update { (_) in [.setReference(name: "main", SnapshotReference(branch: before))] }
        transaction.removeSnapshots([line[0].id])
        _ = try transaction.commit()
        table = try table.refreshed()
    }

    /// What is read behind a commit, and where that leads.
    func read(since start: ChangePosition, skipping skip: ChangeSkip = .none) throws -> [String] {
        var texts: [String] = []
        try ChangeLogScan(table, since: start, skipping: skip).forEach { (batch) throws(WeirError) in
            texts += Self.texts(batch)
            return true
        }
        return texts
    }
}
