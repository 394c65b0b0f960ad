import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// A keyed table in a history of everything that can happen to it: its writer, what moves changes into base, optimizing,
/// and other engines, on a machine that fails at a random step of its storage and goes on.
///
/// It holds what readers of the table, of base alone and of the changes must see after each operation.
struct HistoryWorld {
    typealias Effects = [ModelRow: ModelRow?]

    /// What a writer has of an epoch. After a crash the source sends it again.
    struct OpenEpoch {
        var batches: [ChangeBatch] = []
        var effects: Effects = [:]
    }

    static let identifier = TableIdentifier(namespace: ["shop"], name: "people")

    let folder: String
    private let isPartitioned: Bool
    var random: SeededGenerator
    var now: Int64 = 1_700_000_000_000
    /// The storage of the machine.
    private var files: FaultyFileSystem
    private(set) var crashes = 0
    /// Failures since something succeeded: the machine lasts longer each time.
    private var streak = 0
    var table: MixedTable
    private var writer: KeyedTableWriter
    private(set) var materializer: Materializer
    private var ledger = PositionLedger()
    var history: ChangeHistory
    private var prepared: (epoch: Epoch, open: OpenEpoch)?
    private var open = OpenEpoch()
    /// Rows that readers of the table see, and those of base alone.
    private(set) var committed: [ModelRow: ModelRow] = [:]
    private(set) var base: [ModelRow: ModelRow] = [:]
    /// Commits whose changes base lacks, as far as it lacks them.
    private var pending: [(sequence: Int64, effects: Effects)] = []
    /// Keys that other engines have written or deleted: what change readers see of them is another matter.
    private(set) var touched: Set<ModelRow> = []
    /// Another engine's commit that may have happened: its effects, and the snapshot of base before it.
    private var unsure: (effects: Effects, before: Int64?)?
    private var foreignFiles: [String: (file: DataFile, rows: [ModelRow: ModelRow])] = [:]
    private var foreignRows = 0
    /// Files of base that are written anew and not committed.
    private var rewrite: BaseRewrite?

    init(in folder: String, seed: UInt64, formatVersion: Int, isPartitioned: Bool) throws {
        self.folder = folder
        self.isPartitioned = isPartitioned
        random = SeededGenerator(seed: seed ^ 0x4157)
        let schema = Schema([Field(id: 1, name: "id", type: .long), Field(id: 2, name: "name", type: .string)])
        let bucket = PartitionField(sourceId: 1, id: 1000, name: "part", transform: .bucket(3))
        let definition = MixedTableDefinition(
            identifier: Self.identifier,
            schema: schema,
            partitionSpec: isPartitioned ? PartitionSpec(id: 0, fields: [bucket]) : .unpartitioned,
            primaryKey: ["id"],
            properties: ExpiredHistoryTests.keep(seed << 7)
                .merging(["format-version": String(formatVersion)]) { $1 }
        )
        files = FaultyFileSystem()
        let catalog = try OptimizeCrashTests.catalog(folder, files)
        try catalog.createNamespace(["shop"], ifNotExists: true)
        table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 1_700_000_000_000)
        history = ChangeHistory(schema: table.schema, keyColumns: [0], seed: seed, keySpace: 24)
        writer = try KeyedTableWriter(table)
        materializer = Materializer(table)
        while try !restart() {}
    }

    // MARK: Failures

    /// Does something that may meet the failure of the machine; then everything starts again.
    mutating func attempt(_ body: (inout Self) throws -> Void) throws {
        do {
            try body(&self)
            try follow()
            streak = 0
        } catch let error as WeirError {
            guard files.hasFailed else { throw error }
            crashes += 1
            while try !restart() {}
            try follow()
        }
    }

    /// The machine starts again. False when it fails at once.
    private mutating func restart() throws -> Bool {
        if files.isDead && random.next() % 2 == 0 { files.loseUnsynced() }
        // A process for which the disk was full once may go on.
        let goesOn = !files.isDead && random.next() % 2 == 0
        streak += 1
        files = FaultyFileSystem(
            failAt: Int(random.next() % UInt64(100 << min(streak, 5))),
            fault: random.next() % 4 == 0 ? .outOfSpace : .crash
        )
        do {
            table = try MixedTable.load(Self.identifier, from: OptimizeCrashTests.catalog(folder, files))
            if let unsure, table.base.metadata.currentSnapshotId != unsure.before { landed(unsure.effects) }
            unsure = nil
            if let waiting = prepared {
                if try table.ledger(topology: "model") != ledger {
                    try landed(waiting.open)
                } else {
                    open = OpenEpoch(
                        batches: waiting.open.batches + open.batches,
                        effects: waiting.open.effects.merging(open.effects) { $1 }
                    )
                }
                prepared = nil
            }
            if !goesOn { (materializer, rewrite) = (Materializer(table), nil) }
            try startWriter()
            return true
        } catch let error as WeirError {
            guard files.hasFailed else { throw error }
            return false
        }
    }

    /// A new process writes: the source sends it again what is not committed.
    mutating func startWriter() throws {
        try commit()
        table = try table.refreshed()
        writer = try KeyedTableWriter(table)
        for batch in open.batches { #expect(try writer.write(batch).isEmpty) }
    }

    mutating func startMaterializer() { materializer = Materializer(table) }

    // MARK: Rewriting

    mutating func beginRewrite() throws {
        materializer.keep([])
        rewrite?.discard(from: table)
        rewrite = nil
        rewrite = try RandomRewrite.begin(on: table.refreshed(), &random)
        // Without it, files may go for which everything is written anew.
        if let rewrite, random.next() % 4 > 0 { materializer.keep(rewrite.paths) }
    }

    mutating func commitRewrite() throws {
        guard let made = rewrite else { return try beginRewrite() }
        rewrite = nil
        now += 1000
        do throws(WeirError) {
            _ = try materializer.commit(made, nowMilliseconds: now)
        } catch {
            guard error.code == .conflict else { throw error }
        }
        if random.next() % 4 == 0 { materializer.settleMoves(merges: Int(random.next() % 300)) }
    }

    /// Takes over what base has got to, whoever moved it there.
    private mutating func follow() throws {
        table = try table.refreshed()
        let optimized = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
        for index in pending.indices {
            for (key, row) in pending[index].effects {
                let partition = isPartitioned ? [try Transform.bucket(3).apply(key[0])] : []
                guard pending[index].sequence <= optimized.sequence(ofPartition: partition) else { continue }
                base[key] = row
                pending[index].effects[key] = nil
            }
        }
        pending.removeAll { $0.effects.isEmpty }
    }

    // MARK: The stream

    mutating func write() throws {
        if prepared == nil, writer.isBetweenEpochs, try writer.baseHasMoved() {
            #expect(try writer.follow(table.refreshed()) == 0)
        }
        let batch = history.next(Int(1 + random.next() % 9))
        open.batches.append(batch)
        for row in 0..<batch.count {
            let key = history.key(batch.rows.modelRow(row))
            open.effects[key] = .some(history.state[key])
        }
        #expect(try writer.write(batch).isEmpty)
    }

    mutating func cut() throws {
        try commit()
        let epoch = try writer.cut()
        (prepared, open) = ((epoch, open), OpenEpoch())
    }

    /// Commits the prepared epoch. Rows written since then are not in it.
    mutating func commit() throws {
        guard let (epoch, rows) = prepared else { return }
        table = try table.commit(epoch, topology: "model", from: ledger, to: nextLedger)
        prepared = nil
        try landed(rows)
    }

    private var nextLedger: PositionLedger {
        PositionLedger(["t": [0: (ledger.next(topic: "t", partition: 0) ?? 0) + 1]])
    }

    private mutating func landed(_ epoch: OpenEpoch) throws {
        ledger = nextLedger
        for (key, row) in epoch.effects { committed[key] = row }
        let sequence = try #require(table.refreshed().change?.metadata.lastSequenceNumber)
        pending.append((sequence, epoch.effects))
    }

    // MARK: Base

    /// Moves changes into base. Another engine or the writer may commit while it is at work.
    mutating func materialize(bytesMax: Int64, rewriteBytes: Int64, isDisturbed: Bool) throws -> Materializer.Step {
        now += 1000
        var isFirst = isDisturbed
        let materializer = self.materializer
        return try materializer.step(bytesMax: bytesMax, rewriteBytes: rewriteBytes, nowMilliseconds: now) {
            () throws(WeirError) in
            guard isFirst else { return }
            isFirst = false
            do {
                switch random.next() % 3 {
                case 0: try append()
                case 1: try deleteByPosition()
                default: try cut()
                }
            } catch let error as WeirError {
                throw error
            } catch {
                throw WeirError(.invalid, "\(error)")
            }
        }
    }

    mutating func optimize() throws {
        now += 1000
        _ = try FullOptimize(table.refreshed(), nowMilliseconds: now).run()
    }

    // MARK: Other engines

    /// Changes that base lacks touch the key, so that an engine that knows only base must leave it alone.
    func isPending(_ key: ModelRow) -> Bool { pending.contains { $0.effects[key] != nil } }

    /// Rows under keys that the table does not have.
    mutating func freshRows(_ count: Int) -> [ModelRow: ModelRow] {
        var rows: [ModelRow: ModelRow] = [:]
        for _ in 0..<count {
            let key: ModelRow = [.long(Int64(random.next() % 24))]
            guard committed[key] == nil, !isPending(key) else { continue }
            foreignRows += 1
            rows[key] = [key[0], .string("foreign \(foreignRows)")]
        }
        return rows
    }

    /// Keys of rows that base has as readers of the table see them.
    mutating func plainKeys(_ count: Int) -> [ModelRow] {
        let keys = base.keys.filter { committed[$0] == base[$0] && !isPending($0) }
            .sorted { "\($0)" < "\($1)" }
        return Set((0..<count).compactMap { _ in keys.isEmpty ? nil : keys[Int(random.next() % UInt64(keys.count))] })
            .sorted { "\($0)" < "\($1)" }
    }

    /// Another engine has changed base.
    mutating func landed(_ effects: Effects) {
        for (key, row) in effects {
            touched.insert(key)
            base[key] = row
            // A change that base lacks comes after what the file of an engine held, and so does one on its way.
            if isPending(key) { continue }
            committed[key] = row
            if prepared?.open.effects[key] == nil && open.effects[key] == nil { history.state[key] = row }
        }
    }

    private mutating func commit(_ transaction: Transaction, _ effects: Effects) throws {
        unsure = (effects, try table.refreshed().base.metadata.currentSnapshotId)
        _ = try transaction.commit()
        unsure = nil
        landed(effects)
    }

    mutating func append() throws {
        let rows = freshRows(4)
        if rows.isEmpty { return }
        let base = try table.refreshed().base
        var transaction = Transaction(base)
        for (partition, group) in try groups(rows) {
            let file = try write(group.map(\.value), partition, base)
            transaction.append([file])
            foreignFiles[file.path] = (file, Dictionary(uniqueKeysWithValues: group.map { ($0.key, $0.value) }))
        }
        try commit(transaction, rows.mapValues { $0 })
    }

    private func groups(_ rows: [ModelRow: ModelRow]) throws -> [[Scalar]: [(key: ModelRow, value: ModelRow)]] {
        let sorted = rows.sorted { "\($0.key)" < "\($1.key)" }
        return try Dictionary(grouping: sorted) {
            isPartitioned ? [try Transform.bucket(3).apply($0.key[0])] : []
        }
    }

    private func write(_ rows: [ModelRow], _ partition: [Scalar], _ base: Table) throws -> DataFile {
        let path = "\(base.dataLocation)/\(UInt64.random(in: 0...(.max))).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        try writer.write(.rows(rows, base.schema))
        return DataFile(parquet: path, try writer.finish(), partition: partition, specId: base.spec.id)
    }

    /// Removes one of the other engine's files, with the rows of it that are left.
    mutating func remove() throws {
        let base = try table.refreshed().base
        let live = Set(try base.plan().map(\.file.path))
        guard let (path, entry) = foreignFiles.filter({ live.contains($0.key) }).min(by: { $0.key < $1.key }) else {
            return
        }
        let left = entry.rows.filter { self.base[$0.key] == $0.value }
        foreignFiles[path] = nil
        var transaction = Transaction(base)
        transaction.overwrite(adding: [], removing: [entry.file])
        try commit(transaction, left.mapValues { _ in nil })
    }

    /// Rewrites every file of base as a compaction does that knows nothing of keys. For version 2: there are no row ids.
    mutating func compact() throws {
        let base = try table.refreshed().base
        let tasks = try base.plan()
        guard base.metadata.formatVersion < 3, !tasks.isEmpty else { return }
        let deletes = Dictionary(tasks.flatMap(\.deletes).map { ($0.file.path, $0.file) }) { $1 }
        var added: [DataFile] = []
        for (partition, group) in try groups(self.base) {
            added.append(try write(group.map(\.value), partition, base))
        }
        var transaction = Transaction(base)
        transaction.overwrite(
            adding: added,
            removing: tasks.map(\.file),
            removingDeletes: Array(deletes.values),
            operation: .replace,
            validateFrom: base.metadata.currentSnapshotId
        )
        try commit(transaction, [:])
    }

    mutating func deleteByPosition() throws {
        guard let key = plainKeys(1).first else { return }
        let base = try table.refreshed().base
        for task in try base.plan() {
            let reader = try ParquetFileReader(base.storage.open(task.file.path), schema: base.schema)
            while let (batch, first) = try reader.next() {
                for row in 0..<batch.count where batch.modelRow(row) == self.base[key] {
                    let position = first + Int64(row)
                    // An older row of the key with the same values may be deleted already.
                    guard try !ForeignDelete.positions(task, base).contains(position) else { continue }
                    let transaction = try ForeignDelete.transaction(task, position, base)
                    return try commit(transaction, [key: nil])
                }
            }
        }
        Issue.record("base has no row of \(key), which it must have")
    }

    /// Expires every snapshot of base but the current one.
    mutating func expireBase() throws {
        let base = try table.refreshed().base
        let old = Set(base.snapshots.map(\.id)).subtracting([base.metadata.currentSnapshotId ?? 0])
        if old.isEmpty { return }
        var transaction = Transaction(base)
        transaction.removeSnapshots(old)
        _ = try transaction.commit()
    }
}
