import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// The format version of a table: chosen when it is created, upgraded only when asked for, and never taken back.
@Suite struct FormatVersionTests {
    /// A keyed table, its history and a writer that commits epochs and moves them into base.
    private struct World {
        var table: MixedTable
        var history: ChangeHistory
        private let writer: KeyedTableWriter
        private var ledger = PositionLedger()
        private var epochs: Int64 = 0
        private var materializer: Materializer

        init(_ folder: String, formatVersion: Int) throws {
            table = try MixedTableModelTests.create(.wideKey, in: folder, formatVersion: formatVersion)
            let columns = TableShape.wideKey.key.compactMap { [table] in table.schema.index(named: $0) }
            history = ChangeHistory(schema: table.schema, keyColumns: columns, seed: 5, keySpace: 40)
            writer = try KeyedTableWriter(table)
            materializer = Materializer(table)
        }

        mutating func epoch(rewriteBytes: Int64 = 0) throws {
            _ = try writer.write(history.next(30))
            var next = ledger
            epochs += 1
            next.advance(topic: "t", partition: 0, to: epochs)
            table = try table.refreshed().commit(try writer.cut(), topology: "model", from: ledger, to: next)
            ledger = next
            while try materializer.step(rewriteBytes: rewriteBytes, nowMilliseconds: 1) != .caughtUp {}
            table = materializer.table
        }

        func check(_ what: String) throws {
            let base = try MaterializeModelTests.base(table, history)
            #expect(base.rows == history.state && base.doubled.isEmpty, "\(what)")
        }
    }

    @Test func `both stores get the declared version, and 2 without one`() throws {
        for version in [2, 3] {
            try withTemporaryFolder { folder in
                let world = try World(folder, formatVersion: version)
                #expect(world.table.base.metadata.formatVersion == version)
                #expect(world.table.change?.metadata.formatVersion == version)
                #expect(world.table.properties["format-version"] == nil)
            }
        }
        #expect(TableProperties.finding(name: "format-version", value: "3") == nil)
        #expect(TableProperties.finding(name: "format-version", value: "4")?.severity == .error)
    }

    @Test func `a column cannot have the name of a lineage column in version 3`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let fields = [Field(id: 1, name: "id", type: .long), Field(id: 2, name: "_row_id", type: .long)]
            var definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "t"),
                schema: Schema(fields),
                primaryKey: ["id"],
                properties: ["format-version": "3"]
            )
            let error = #expect(throws: WeirError.self) {
                try MixedTable.create(definition, in: catalog, nowMilliseconds: 1)
            }
            #expect(error?.message.contains("_row_id") == true)
            definition.properties = [:]
            let table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 1)
            #expect(throws: WeirError.self) { try table.altered(setting: ["format-version": "3"], removing: []) }
        }
    }

    /// Position deletes of version 2 stay in force after the upgrade, and go into the vector of their file.
    @Test func `an upgraded table goes on with vectors, and its rows get ids that stay`() throws {
        try withTemporaryFolder { folder in
            var world = try World(folder, formatVersion: 2)
            for _ in 0..<4 { try world.epoch() }
            let before = try world.table.base.plan().flatMap(\.deletes)
            #expect(!before.isEmpty && before.allSatisfy { !$0.file.isDeletionVector })
            world.table = try world.table.altered(setting: ["format-version": "3"], removing: [])
            #expect(world.table.base.metadata.formatVersion == 3)
            #expect(world.table.change?.metadata.formatVersion == 3)
            #expect(world.table.properties["format-version"] == nil)
            try world.check("after the upgrade")
            var last: Table?
            for epoch in 0..<5 {
                try world.epoch()
                try world.check("epoch \(epoch)")
                if let last {
                    try LineageOracle.check(last, world.table.base, world.history, isUpgraded: true, "epoch \(epoch)")
                }
                last = world.table.base
            }
            let deletes = try world.table.base.plan().flatMap(\.deletes)
            #expect(deletes.contains { $0.file.isDeletionVector })
            world.table = try FullOptimize(world.table, nowMilliseconds: 1).run().table
            try world.check("optimized")
            if let last {
                try LineageOracle.check(last, world.table.base, world.history, isUpgraded: true, "optimized")
            }
            #expect(try world.table.base.plan().allSatisfy { $0.deletes.isEmpty })
            // The summary tells vectors apart.
            let summaries = world.table.base.snapshots.map(\.summary)
            #expect(summaries.contains { $0["added-dvs"] != nil && $0["added-position-delete-files"] == nil })
            for (value, what) in [("2", "cannot be taken back"), ("4", "no value")] {
                let error = #expect(throws: WeirError.self) {
                    try world.table.altered(setting: ["format-version": value], removing: [])
                }
                #expect(error?.message.contains(what) == true)
            }
            #expect(throws: WeirError.self) { try world.table.altered(setting: [:], removing: ["format-version"]) }
        }
    }

    @Test func `a declaration of another version is a difference, and upgrades nothing`() throws {
        try withTemporaryFolder { folder in
            let table = try World(folder, formatVersion: 2).table
            var definition = MixedTableDefinition(
                identifier: table.identifier,
                schema: table.schema,
                primaryKey: table.primaryKey.map(\.name)
            )
            try definition.check(against: table)
            definition.properties["format-version"] = "3"
            let error = #expect(throws: WeirError.self) { try definition.check(against: table) }
            #expect(error?.message.contains("weir table alter shop.things --set format-version=3") == true)
            #expect(try table.refreshed().base.metadata.formatVersion == 2)
        }
    }

    /// A writer that planned before an upgrade must not bring version 2's deletes into a table of version 3.
    @Test func `deletes of the other version are a conflict`() throws {
        for version in [2, 3] {
            try withTemporaryFolder { folder in
                let table = try World(folder, formatVersion: version).table
                let file = DataFile(
                    content: .positionDeletes,
                    path: "file:///d",
                    format: version == 2 ? .puffin : .parquet,
                    recordCount: 1,
                    fileSize: 9,
                    referencedDataFile: "file:///a",
                    contentOffset: 4,
                    contentSize: 5
                )
                var transaction = Transaction(table.base)
                transaction.overwrite(adding: [], addingDeletes: [file], removing: [])
                let error = #expect(throws: WeirError.self) { try transaction.commit() }
                #expect(error?.code == .conflict)
            }
        }
    }

    @Test func `an unkeyed table of version 3 is appended to and optimized, and rows keep their ids`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let schema = Schema([Field(id: 1, name: "id", type: .long), Field(id: 2, name: "v", type: .string)])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "log"),
                schema: schema,
                properties: ["format-version": "3"]
            )
            var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 1)
            let history = ChangeHistory(schema: schema, keyColumns: [0], seed: 1)
            let base = table.base
            for part in 0..<3 {
                let path = "\(base.dataLocation)/\(part).parquet"
                let writer = try ParquetFileWriter(schema: table.schema, to: base.storage.create(path))
                let rows = (0..<10).map { [Scalar.long(Int64(part * 10 + $0)), .string("v")] }
                try writer.write(.rows(rows, table.schema))
                var transaction = Transaction(try table.base.refreshed())
                transaction.append([DataFile(parquet: path, try writer.finish())])
                _ = try transaction.commit()
                table = try table.refreshed()
            }
            let before = try LineageOracle.rows(table.base, history)
            #expect(Set(before.values.map(\.id)) == Set(0..<30))
            table = try FullOptimize(table, nowMilliseconds: 1).run().table
            #expect(try table.base.plan().count == 1)
            let after = try LineageOracle.rows(table.base, history)
            for (key, row) in before {
                #expect(after[key]?.id == row.id && after[key]?.lastUpdated == row.lastUpdated)
            }
        }
    }
}
