import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// A full optimize that crashes at any step leaves a readable table that a later optimize can process.
@Suite struct OptimizeCrashTests {
    /// A table before its second optimize, and its rows.
    struct Prepared {
        let history: ChangeHistory
        /// Change-store snapshots with their sequence and rows.
        let states: [(snapshot: Int64, sequence: Int64, rows: [ModelRow: ModelRow])]
    }

    static let identifier = TableIdentifier(namespace: ["shop"], name: "things")

    static func catalog(_ folder: String, _ files: FaultyFileSystem) throws -> any Catalog {
        let real = try SQLiteCatalog(
            path: folder + "/catalog.db",
            warehouse: "file://" + folder,
            storage: LocalObjectStorage(files: files)
        )
        return FaultyCatalog(real: real, files: files)
    }

    /// Writes three epochs; merges the changes into base after the first.
    static func prepare(_ shape: TableShape, in folder: String, formatVersion: Int = 2) throws -> Prepared {
        var table = try MixedTableModelTests.create(
            shape,
            in: folder,
            storage: LocalObjectStorage(files: FaultyFileSystem()),
            formatVersion: formatVersion
        )
        let columns = shape.key.compactMap { table.schema.index(named: $0) }
        var history = ChangeHistory(schema: table.schema, keyColumns: columns, seed: 7, keySpace: 12)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        var states: [(snapshot: Int64, sequence: Int64, rows: [ModelRow: ModelRow])] = []
        for epoch in 0..<3 {
            _ = try writer.write(history.next(20))
            var next = ledger
            next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
            table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
            ledger = next
            let snapshot = try #require(table.change?.metadata.currentSnapshot)
            states.append((snapshot.id, snapshot.sequenceNumber, history.state))
            if epoch == 0 { table = try FullOptimize(table, nowMilliseconds: 1).run().table }
        }
        return Prepared(history: history, states: states)
    }

    static func check(_ folder: String, _ prepared: Prepared, _ what: String) throws {
        let table = try MixedTable.load(identifier, from: catalog(folder, FaultyFileSystem()))
        for (index, state) in prepared.states.enumerated() {
            let point = try ReadPoint(snapshot: state.snapshot, of: table)
            let (rows, doubled) = try contents(MergeOnReadScan(table, at: point), prepared.history)
            #expect(rows == state.rows && doubled.isEmpty, "snapshot \(index), \(what)")
        }
        let (rows, doubled) = try contents(MergeOnReadScan(table), prepared.history)
        #expect(rows == prepared.history.state && doubled.isEmpty, "\(what)")
    }

    @Test(arguments: [TableShape.wideKey, .partitionedByValue])
    func `a crash at any step leaves a table that is right, and can be optimized`(shape: TableShape) throws {
        func optimize(_ folder: String, _ files: FaultyFileSystem) throws {
            let table = try MixedTable.load(Self.identifier, from: Self.catalog(folder, files))
            _ = try FullOptimize(table, nowMilliseconds: 2).run()
        }
        let total = try withTemporaryFolder { folder in
            _ = try Self.prepare(shape, in: folder)
            let files = FaultyFileSystem()
            try optimize(folder, files)
            return files.steps
        }
        #expect(total > 10)
        // Every step of the plain table, every third of the larger sweep.
        for step in stride(from: 0, to: total, by: shape == .wideKey ? 1 : Soak.stride(3)) {
            try withTemporaryFolder { folder in
                let prepared = try Self.prepare(shape, in: folder)
                let files = FaultyFileSystem(failAt: step)
                let failed = (try? optimize(folder, files)) == nil
                if failed && step % 2 == 0 { files.loseUnsynced() }
                try Self.check(folder, prepared, "after a crash at step \(step) of \(total)")
                try optimize(folder, FaultyFileSystem())
                try Self.check(folder, prepared, "optimized after a crash at step \(step) of \(total)")
                let table = try MixedTable.load(Self.identifier, from: Self.catalog(folder, FaultyFileSystem()))
                // Every partition that has changes is merged up to its newest, and base alone holds the rows.
                let base = try #require(table.base.metadata.currentSnapshot?.id)
                let (rows, _) = try contents(
                    MergeOnReadScan(table, at: ReadPoint(snapshot: base, of: table)),
                    prepared.history
                )
                #expect(rows == prepared.history.state, "base alone, step \(step) of \(total)")
                let optimized = try OptimizedSequence.read(table.base, snapshotId: base)
                #expect(optimized.sequences == (try Self.newestSequences(table)), "step \(step) of \(total)")
            }
        }
        print("crash sweep of full optimize, \(shape): \(total) steps")
    }

    /// The newest change of each partition, by its path.
    static func newestSequences(_ table: MixedTable) throws -> [String: Int64] {
        var newest: [String: Int64] = [:]
        for task in try #require(table.change).plan() {
            newest[table.base.spec.path(for: task.file.partition), default: 0].formMax(task.dataSequenceNumber)
        }
        return newest
    }

    @Test(arguments: SeededGenerator.seeds(2), [TableShape.wideKey, .partitionedByValue])
    func `every snapshot of the change store reads right after several optimizing runs`(
        seed: UInt64,
        shape: TableShape
    ) throws {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(
                shape,
                in: folder,
                storage: LocalObjectStorage(files: FaultyFileSystem())
            )
            let columns = shape.key.compactMap { table.schema.index(named: $0) }
            var history = ChangeHistory(schema: table.schema, keyColumns: columns, seed: seed, keySpace: 20)
            let writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            var states: [(change: Int64, rows: [ModelRow: ModelRow])] = []
            var bases: [(base: Int64, rows: [ModelRow: ModelRow])] = []
            for epoch in 0..<9 {
                _ = try writer.write(history.next(25))
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
                states.append((try #require(table.change?.metadata.currentSnapshot?.id), history.state))
                guard history.random.next() % 2 == 0 else { continue }
                table = try FullOptimize(table, nowMilliseconds: Int64(epoch)).run().table
                bases.append((try #require(table.base.metadata.currentSnapshot?.id), history.state))
            }
            table = try table.refreshed()
            #expect(bases.count > 1)
            for (snapshot, expected) in states.map({ ($0.change, $0.rows) }) + bases.map({ ($0.base, $0.rows) }) {
                let point = try ReadPoint(snapshot: snapshot, of: table)
                let (rows, doubled) = try contents(MergeOnReadScan(table, at: point), history)
                #expect(rows == expected && doubled.isEmpty, "seed \(seed), snapshot \(snapshot)")
            }
        }
    }

    /// The view of readers that know only the property: base, and every newer change.
    @Test func `the property that other readers fall back to holds the same sequences`() throws {
        try withTemporaryFolder { folder in
            _ = try Self.prepare(.partitionedByValue, in: folder)
            let table = try MixedTable.load(Self.identifier, from: Self.catalog(folder, FaultyFileSystem()))
            let optimized = try OptimizedSequence.read(
                table.base,
                snapshotId: table.base.metadata.currentSnapshot?.id
            )
            #expect(!optimized.sequences.isEmpty)
            let text = try #require(table.properties["table.partition-properties"])
            let entries = try #require(try JSONValue.parse(text).asObject)
            #expect(entries.entries.count == optimized.sequences.count)
            for entry in entries.entries {
                let number = entry.value.asObject?["max-txId"]?.asString.flatMap { Int64($0) }
                #expect(number == optimized.sequences[entry.key], "\(entry.key)")
            }
        }
    }
}

extension Int64 {
    fileprivate mutating func formMax(_ other: Int64) { self = Swift.max(self, other) }
}
