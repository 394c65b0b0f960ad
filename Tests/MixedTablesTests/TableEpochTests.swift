import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables

/// Epochs of several tables in one commit.
@Suite struct TableEpochTests {
    static let schema = Schema([
        Field(id: 1, name: "id", type: .long), Field(id: 2, name: "round", type: .long),
    ])

    /// Two keyed tables and one without a key, with their writers.
    struct World {
        let folder: String
        var tables: [MixedTable] = []
        var writers: [any TableWriter] = []
        var ledger = PositionLedger()
        var round: Int64 = 0

        init(_ folder: String) throws {
            self.folder = folder
            let catalog = try World.catalog(folder)
            for (name, key) in [("a", ["id"]), ("b", ["id"]), ("c", [])] {
                let definition = MixedTableDefinition(
                    identifier: TableIdentifier(namespace: ["shop"], name: name),
                    schema: TableEpochTests.schema,
                    primaryKey: key
                )
                let table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
                tables.append(table)
                writers.append(key.isEmpty ? UnkeyedTableWriter(table) : try KeyedTableWriter(table))
            }
        }

        static func catalog(_ folder: String) throws -> SQLiteCatalog {
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"], ifNotExists: true)
            return catalog
        }

        /// The epochs of the next round: keys 0 to 4 in every table.
        mutating func cut() throws -> [TableEpoch] {
            round += 1
            let next = PositionLedger(["t": [0: round]])
            let rows = (0..<Int64(5)).map { (ChangeKind.insert, [Scalar.long($0), .long(round)]) }
            var epochs: [TableEpoch] = []
            for (table, writer) in zip(tables, writers) {
                _ = try writer.write(.changes(rows, table.schema))
                var epoch = TableEpoch(try writer.cut(), of: table, topology: "t", from: ledger, to: next)
                epoch.title = "commit to \(table.identifier)"
                epochs.append(epoch)
            }
            return epochs
        }

        mutating func commit() throws {
            let epochs = try cut()
            tables = try MixedTable.commit(epochs)
            ledger = epochs[0].ledger
        }

        /// The rounds that each table's rows show, and the position in its ledger.
        func seen() throws -> [[Int64]] {
            let catalog = try World.catalog(folder)
            return try tables.map { table in
                let newest = try MixedTable.load(table.identifier, from: catalog)
                var rounds: [Int64] = []
                try MergeOnReadScan(newest).forEachInOrder { (batch) throws(WeirError) in
                    for row in 0..<batch.count { rounds.append(batch.columns[1].pointer(as: Int64.self)[row]) }
                    return true
                }
                let position = try newest.ledger(topology: "t").next(topic: "t", partition: 0) ?? 0
                return [Int64(rounds.count), rounds.max() ?? 0, position]
            }
        }

        var fileCount: Int { get throws { try LocalObjectStorage().list(folder).count { $0.path.contains("/shop/") } } }
    }

    @Test func `all tables of an epoch get one file of metadata each, and what they were written with`() throws {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            for _ in 0..<3 { try world.commit() }
            #expect(try world.seen() == [[5, 3, 3], [5, 3, 3], [15, 3, 3]])
            // The base stores are required to be as they were, and not written.
            let metadata = try LocalObjectStorage().list(folder).filter { $0.path.hasSuffix(".metadata.json") }
            #expect(metadata.count == 5 + 3 * 3)
        }
    }

    @Test func `a commit of positions does not take over what another writer has done to the keys`() throws {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            try world.commit()
            // Another engine appends a change.
            var other = Transaction(try world.tables[1].refreshed().ingestStore)
            other.append(try #require(try world.cut()[1].epoch.files.first.map { [$0] }))
            _ = try other.commit()
            func positions(of table: MixedTable) -> TableEpoch {
                TableEpoch(
                    Epoch(files: [], summary: EpochSummary()),
                    of: table,
                    topology: "t",
                    from: world.ledger,
                    to: PositionLedger(["t": [0: 9]])
                )
            }
            let error = #expect(throws: WeirError.self) { try MixedTable.commit([positions(of: world.tables[1])]) }
            #expect(error?.code == .conflict && error?.message.contains("read its keys") == true)
            // Where no keys are held, the positions are all that matters.
            var free = positions(of: world.tables[1])
            free.holdsKeys = false
            let table = try MixedTable.commit([free])[0]
            #expect(try table.ledger(topology: "t").next(topic: "t", partition: 0) == 9)
        }
    }

    @Test func `a table that is refused is named, and nothing of the epoch becomes visible`() throws {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            try world.commit()
            let before = try world.seen()
            let files = try world.fileCount
            let epochs = try world.cut()
            // Another process of the topology has committed to the second table.
            var other = Transaction(try world.tables[1].refreshed().ingestStore)
            other.setProperties([PositionLedger.propertyName(topology: "t"): PositionLedger(["t": [0: 7]]).json])
            _ = try other.commit()
            let error = #expect(throws: WeirError.self) { try MixedTable.commit(epochs) }
            #expect(error?.code == .conflict && error?.location == "commit to shop.b")
            #expect(try world.seen() == [before[0], [5, 1, 7], before[2]])
            #expect(try world.fileCount == files + 1)
        }
    }

    @Test func `a row that another engine adds to base before the commit of the group is replaced, not doubled`() throws
    {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            let epochs = try world.cut()
            for index in 0..<2 {
                // The keys of the epoch, and one more.
                let base = try world.tables[index].refreshed().base
                let path = "\(base.dataLocation)/\(UUID().uuidString).parquet"
                let file = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
                let rows = (0..<Int64(6)).map { [Scalar.long($0), .long(99)] }
                try file.write(.rows(rows, base.schema))
                var foreign = Transaction(base)
                foreign.append([
                    DataFile(parquet: path, try file.finish(), partition: [], specId: base.spec.id)
                ])
                _ = try foreign.commit()
            }
            world.tables = try MixedTable.commit(epochs)
            // Keys 0 to 4 have the round of the epoch, key 5 that of the other engine.
            #expect(try world.seen() == [[6, 99, 1], [6, 99, 1], [5, 1, 1]])
        }
    }

    @Test func `stores of several tables, base and change, are one commit`() throws {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            try world.commit()
            var all = MultiTableTransaction()
            for table in world.tables.prefix(2) {
                for store in [table.base, try #require(table.change)] {
                    var transaction = Transaction(store)
                    transaction.append([], summary: ["k": "v"])
                    all.add(transaction)
                }
            }
            let stores = try all.commit()
            #expect(stores.map { $0.currentSnapshot?.summary["k"] } == ["v", "v", "v", "v"])
            #expect(
                try world.tables[0].base.catalog.load(stores.map(\.identifier)).map(\.metadataLocation)
                    == stores.map(\.metadataLocation)
            )
        }
    }
}
