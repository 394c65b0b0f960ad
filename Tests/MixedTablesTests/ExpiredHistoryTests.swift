import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import Testing
import WeirTesting

/// Reading the changes of tables whose snapshots expire with each commit.
@Suite struct ExpiredHistoryTests {
    /// Properties for random histories: few snapshots, or as many as the default.
    static func keep(_ seed: UInt64) -> [String: String] {
        ["snapshot.keep.max-count": ["2", "5", "200"][Int(seed >> 7) % 3]]
    }

    @Test(arguments: SeededGenerator.seeds(2), [TableShape.wideKey, .partitionedByValue])
    func `changes are read from every commit on, and from the beginning, while base is optimized`(
        seed: UInt64,
        shape: TableShape
    ) throws {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(
                shape,
                in: folder,
                properties: ["snapshot.keep.max-count": "3"]
            )
            let columns = shape.key.compactMap { table.schema.index(named: $0) }
            var history = ChangeHistory(schema: table.schema, keyColumns: columns, seed: seed, keySpace: 30)
            let writer = try KeyedTableWriter(table)
            let materializer = Materializer(table)
            var ledger = PositionLedger()
            var states: [(position: ChangePosition, rows: [ModelRow: ModelRow])] = [(.beginning, [:])]
            for epoch in 1...25 {
                if writer.isBetweenEpochs, try writer.baseHasMoved() { _ = try writer.follow(table.refreshed()) }
                _ = try writer.write(history.next(15))
                let next = PositionLedger(["t": [0: Int64(epoch)]])
                table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
                ledger = next
                states.append((table.newestChange, history.state))
                if epoch % 2 == 0 { while try materializer.step(nowMilliseconds: 1) != .caughtUp {} }
                if epoch % 7 == 0 { _ = try FullOptimize(table.refreshed(), nowMilliseconds: 1).run() }
            }
            table = try table.refreshed()
            #expect(try #require(table.change).snapshots.count == 3 && table.base.snapshots.count == 3)
            for (position, rows) in states {
                let what = "seed \(seed), behind \(position.sequence)"
                for start in [position, ChangePosition(sequence: position.sequence)] {
                    let found = try replay(ChangeLogScan(table, since: start), onto: rows, history)
                    #expect(found.complaints.isEmpty && found.rows == history.state, "\(what)")
                }
            }
            let earliest = try EarliestChanges(of: table)
            #expect(earliest.position == .beginning && earliest.notice == nil && earliest.state == nil)
            #expect(try contents(MergeOnReadScan(table), history).rows == history.state)
        }
    }

    @Test func `change files that were removed are missed, even once the commit that removed them has expired`() throws
    {
        try withTemporaryFolder { folder in
            var world = try World(folder, key: ["id"])
            for _ in 0..<6 { try world.write() }
            _ = try FullOptimize(world.table.refreshed(), nowMilliseconds: 1).run()
            // As Amoro removes what is in base.
            let change = try #require(world.table.refreshed().change)
            var removal = Transaction(change)
            let old = try change.plan().filter { $0.dataSequenceNumber <= 4 }
            removal.overwrite(adding: [], removing: old.map(\.file), operation: .delete)
            world.table = MixedTable(
                base: try world.table.refreshed().base,
                change: try removal.commit(),
                primaryKey: world.table.primaryKey
            )
            for round in 0..<6 {
                #expect(try world.rows(since: 4).first == 5, "round \(round)")
                let error = #expect(throws: WeirError.self) { try world.rows(since: 3) }
                #expect(error?.code == .notFound && error?.message.contains("deleted") == true, "\(error as Any)")
                #expect(try EarliestChanges(of: world.table).notice?.contains("deleted") == true)
                try world.write()
            }
            #expect(try world.rows(since: 4) == [5, 6, 7, 8, 9, 10, 11, 12])
        }
    }

    @Test(arguments: [["id"], []])
    func `changes are read behind a snapshot that a tag keeps, while those after it expire`(key: [String]) throws {
        try withTemporaryFolder { folder in
            var world = try World(folder, key: key)
            for _ in 0..<2 { try world.write() }
            let tagged = try #require(world.table.ingestStore.currentSnapshot)
            let tag = TableUpdate.setReference(name: "kept", SnapshotReference(tag: tagged.id))
            let store = world.table.ingestStore
            _ = try store.catalog.commit(
                [TableCommit(store.identifier, requirements: [], updates: [tag])],
                clock: .system
            )
            world.table = try world.table.refreshed()
            for _ in 0..<7 { try world.write() }
            #expect(world.table.ingestStore.metadata.snapshot(id: tagged.id) != nil)
            #expect(world.table.ingestStore.snapshots.count == 4)
            var rows: [Int64] = []
            try ChangeLogScan(world.table, since: ChangePosition(behind: tagged)).forEach { (batch) throws(WeirError) in
                for row in 0..<batch.count {
                    if case .long(let id) = batch.rows.modelRow(row)[0] { rows.append(id) }
                }
                return true
            }
            #expect(rows.sorted() == Array(3...9))
        }
    }

    @Test func `an unkeyed table is read from every commit on, until its files are joined and that has expired`() throws
    {
        try withTemporaryFolder { folder in
            var world = try World(folder, key: [])
            for _ in 0..<10 { try world.write() }
            func check(_ count: Int64, above: Int64 = 0) throws {
                let positions = world.positions.filter { $0.sequence >= above }
                for (index, position) in positions.enumerated() {
                    let first = count - Int64(positions.count - index) + 1
                    #expect(try world.rows(since: position.sequence) == Array(first + 1..<count + 1))
                }
            }
            try check(10)
            #expect(try world.rows(since: 0) == Array(1...10))
            #expect(try EarliestChanges(of: world.table).state == nil)
            world.table = try FullOptimize(world.table, nowMilliseconds: 1).run().table
            let joined = try #require(world.table.base.currentSnapshot).sequenceNumber
            #expect(try world.table.base.plan().count < 10)
            // The rows were there before, and are not read again.
            #expect(try world.rows(since: 0) == Array(1...10))
            for _ in 0..<2 { try world.write() }
            #expect(try world.rows(since: 0) == Array(1...12))
            for _ in 0..<3 { try world.write() }
            let error = #expect(throws: WeirError.self) { try world.rows(since: 4) }
            #expect(error?.code == .notFound && error?.message.contains("expired") == true)
            #expect(try EarliestChanges(of: world.table).state != nil)
            try check(15, above: joined)
        }
    }

    @Test func `a time that has expired is refused with the oldest there is`() throws {
        try withTemporaryFolder { folder in
            var world = try World(folder, key: ["id"])
            for _ in 0..<5 { try world.write() }
            let error = #expect(throws: WeirError.self) { try ReadPoint(asOf: 1000, of: world.table) }
            #expect(error?.message.contains("it has expired") == true)
            #expect(error?.advice?.contains("the oldest known is of") == true)
        }
    }

    /// A table that keeps three snapshots; each commit adds the row of the next number.
    private struct World {
        var table: MixedTable
        private let writer: any TableWriter
        private var ledger = PositionLedger()
        private var number: Int64 = 0
        var positions: [ChangePosition] = []

        init(_ folder: String, key: [String]) throws {
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "things"),
                schema: Schema([Field(id: 1, name: "id", type: .long)]),
                primaryKey: key,
                properties: ["snapshot.keep.max-count": "3"]
            )
            table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            writer = key.isEmpty ? UnkeyedTableWriter(table) : try KeyedTableWriter(table)
        }

        mutating func write() throws {
            number += 1
            _ = try writer.write(.changes([(.insert, [.long(number)])], table.schema))
            let next = PositionLedger(["t": [0: number]])
            table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
            ledger = next
            positions.append(table.newestChange)
        }

        func rows(since sequence: Int64) throws -> [Int64] {
            var rows: [Int64] = []
            try ChangeLogScan(table, since: ChangePosition(sequence: sequence)).forEach { (batch) throws(WeirError) in
                for row in 0..<batch.count {
                    if case .long(let id) = batch.rows.modelRow(row)[0] { rows.append(id) }
                }
                return true
            }
            return rows.sorted()
        }
    }
}
