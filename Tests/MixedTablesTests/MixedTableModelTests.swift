import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// The table shapes used by the random histories.
enum TableShape: CaseIterable, CustomTestStringConvertible {
    case longKey, wideKey, partitionedByValue, partitionedByKey

    var testDescription: String { "\(self)" }

    var fields: [(String, FieldType)] {
        switch self {
        case .longKey:
            [
                ("id", .long), ("flag", .boolean), ("small", .int), ("ratio", .double), ("score", .float),
                ("price", .decimal(precision: 9, scale: 2)), ("total", .decimal(precision: 38, scale: 4)),
                ("day", .date), ("at", .timestamp), ("seen", .timestamptz), ("clock", .time), ("name", .string),
                ("photo", .binary), ("token", .uuid), ("mark", .fixed(5)),
            ]
        case .wideKey: [("name", .string), ("day", .date), ("value", .long)]
        case .partitionedByValue: [("id", .int), ("country", .string), ("value", .long)]
        case .partitionedByKey: [("id", .long), ("token", .uuid), ("note", .string)]
        }
    }

    var key: [String] {
        switch self {
        case .longKey, .partitionedByValue: ["id"]
        case .wideKey: ["name", "day"]
        case .partitionedByKey: ["id", "token"]
        }
    }

    var partition: (column: String, transform: Transform)? {
        switch self {
        case .longKey, .wideKey: nil
        case .partitionedByValue: ("country", .truncate(1))
        case .partitionedByKey: ("id", .bucket(3))
        }
    }
}

@Suite struct MixedTableModelTests {
    static func create(
        _ shape: TableShape,
        in folder: String,
        storage: any ObjectStorage = LocalObjectStorage(),
        formatVersion: Int = 2,
        properties: [String: String] = [:]
    ) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder, storage: storage)
        try catalog.createNamespace(["shop"], ifNotExists: true)
        let schema = Schema(
            shape.fields.enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
        )
        var spec = PartitionSpec.unpartitioned
        if let (column, transform) = shape.partition {
            let source = try #require(schema.field(named: column))
            spec = PartitionSpec(
                id: 0,
                fields: [PartitionField(sourceId: source.id, id: 1000, name: "part", transform: transform)]
            )
        }
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "things"),
            schema: schema,
            partitionSpec: spec,
            primaryKey: shape.key,
            properties: properties.merging(["format-version": String(formatVersion)]) { $1 }
        )
        return try MixedTable.create(definition, in: catalog, nowMilliseconds: 1_700_000_000_000)
    }

    @Test(arguments: SeededGenerator.seeds(3), TableShape.allCases)
    func `scan and replay agree with a dictionary at every snapshot`(seed: UInt64, shape: TableShape) throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(shape, in: folder)
            let keyColumns = shape.key.compactMap { table.schema.index(named: $0) }
            var history = ChangeHistory(schema: table.schema, keyColumns: keyColumns, seed: seed)
            var writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            // Snapshot and sequence of the change store, and the rows that belong to it.
            var states: [(snapshot: Int64, sequence: Int64, rows: [ModelRow: ModelRow])] = []
            for epoch in 0..<8 {
                for _ in 0..<3 { #expect(try writer.write(history.next(70)).isEmpty) }
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
                let snapshot = try #require(table.change?.metadata.currentSnapshot)
                states.append((snapshot.id, snapshot.sequenceNumber, history.state))
                if epoch % 3 == 1 {
                    table = try FullOptimize(table, nowMilliseconds: 1_700_000_000_000).run().table
                    let (rows, doubled) = try contents(MergeOnReadScan(table), history)
                    #expect(rows == history.state && doubled.isEmpty, "after optimize, seed \(seed) epoch \(epoch)")
                }
                // A restarted writer can load its keys only from the table.
                if epoch % 4 == 2 {
                    table = try table.refreshed()
                    writer = try KeyedTableWriter(table)
                    #expect(writer.keyCount == history.state.count)
                }
            }
            table = try table.refreshed()
            #expect(try table.ledger(topology: "model") == ledger)
            for (index, state) in states.enumerated() {
                let point = try ReadPoint(snapshot: state.snapshot, of: table)
                let (rows, doubled) = try contents(MergeOnReadScan(table, at: point), history)
                #expect(doubled.isEmpty, "seed \(seed) snapshot \(index)")
                #expect(rows == state.rows, "seed \(seed) snapshot \(index)")
                let replayed = try replay(ChangeLogScan(table, after: state.sequence), onto: state.rows, history)
                #expect(replayed.complaints.isEmpty, "seed \(seed) from snapshot \(index)")
                #expect(replayed.rows == history.state, "seed \(seed) from snapshot \(index)")
            }
            let all = try replay(ChangeLogScan(table, after: 0), onto: [:], history)
            #expect(all.complaints.isEmpty && all.rows == history.state, "seed \(seed) from the beginning")
        }
    }

    @Test func `a stream that repeats nothing writes no delete`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(.wideKey, in: folder)
            let writer = try KeyedTableWriter(table)
            let rows: [(ChangeKind, ModelRow)] = (0..<500).map {
                (.insert, [.string("k\($0)"), .date(1), .long(Int64($0))])
            }
            _ = try writer.write(.changes(rows, table.schema))
            let epoch = try writer.cut()
            #expect(epoch.summary.inserts == 500)
            #expect(epoch.summary.deletes == 0)
            #expect(epoch.files.allSatisfy { DataFileName(path: $0.path)?.type == .insert })
            table = try table.commit(epoch, topology: "t", from: .init(), to: .init(["a": [0: 500]]))
            #expect(try MergeOnReadScan(table).count() == 500)
        }
    }

    @Test func `a second writer of the same topology is refused`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.wideKey, in: folder)
            let change: [(ChangeKind, ModelRow)] = [(.insert, [.string("a"), .date(1), .long(1)])]
            let first = try KeyedTableWriter(table)
            let second = try KeyedTableWriter(table)
            _ = try first.write(.changes(change, table.schema))
            _ = try second.write(.changes(change, table.schema))
            _ = try table.commit(try first.cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            #expect {
                try table.commit(try second.cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            } throws: { ($0 as? WeirError)?.code == .conflict }
            #expect(try MergeOnReadScan(table.refreshed()).count() == 1)
        }
    }

    @Test func `a writer that does not know another writer's keys is refused`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.wideKey, in: folder)
            let change: [(ChangeKind, ModelRow)] = [(.insert, [.string("a"), .date(1), .long(1)])]
            let first = try KeyedTableWriter(table)
            let second = try KeyedTableWriter(table)
            _ = try first.write(.changes(change, table.schema))
            _ = try second.write(.changes(change, table.schema))
            _ = try table.commit(try first.cut(), topology: "one", from: .init(), to: .init(["a": [0: 1]]))
            #expect {
                try table.commit(try second.cut(), topology: "two", from: .init(), to: .init(["a": [0: 1]]))
            } throws: { ($0 as? WeirError)?.code == .conflict }
            #expect(try MergeOnReadScan(table.refreshed()).count() == 1)
        }
    }

    @Test func `a new row without a value that is required is left out, and its key keeps what it has`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let fields = [
                Field(id: 1, name: "id", type: .long), Field(id: 2, name: "value", type: .string, isRequired: true),
            ]
            for key in [["id"], []] {
                let definition = MixedTableDefinition(
                    identifier: TableIdentifier(namespace: ["shop"], name: key.isEmpty ? "events" : "things"),
                    schema: Schema(fields),
                    primaryKey: key
                )
                var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
                let writer: any TableWriter = key.isEmpty ? UnkeyedTableWriter(table) : try KeyedTableWriter(table)
                let first: [(ChangeKind, ModelRow)] = [
                    (.insert, [.long(1), .string("a")]), (.insert, [.long(2), .null]),
                ]
                #expect(try writer.write(.changes(first, table.schema)).map(\.row) == [1])
                if !key.isEmpty {
                    let second: [(ChangeKind, ModelRow)] = [
                        (.updateBefore, [.long(1), .string("a")]), (.updateAfter, [.long(1), .null]),
                        (.delete, [.long(9), .null]),
                    ]
                    #expect(try writer.write(.changes(second, table.schema)).map(\.row) == [1])
                }
                table = try table.commit(try writer.cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
                table = try FullOptimize(table, nowMilliseconds: 1).run().table
                #expect(try MergeOnReadScan(table).count() == 1)
            }
        }
    }

    @Test func `a stream of an unkeyed table does not pass over removed rows`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "events"),
                schema: Schema([Field(id: 1, name: "id", type: .long)])
            )
            var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            let writer = UnkeyedTableWriter(table)
            _ = try writer.write(.changes([(.insert, [.long(1)])], table.schema))
            let epoch = try writer.cut()
            table = try table.commit(epoch, topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            var seen = 0
            try ChangeLogScan(table, after: 0).forEach { (batch) throws(WeirError) in
                seen += batch.count
                return true
            }
            #expect(seen == 1)
            var removal = Transaction(table.base)
            let snapshot = table.base.metadata.currentSnapshot?.id
            removal.overwrite(adding: [], removing: epoch.files, summary: [:], validateFrom: snapshot)
            _ = try removal.commit()
            let later = try table.refreshed()
            #expect { try ChangeLogScan(later, after: 0) } throws: { ($0 as? WeirError)?.code == .unsupported }
        }
    }

    @Test func `creating a table that is there changes nothing`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.wideKey, in: folder)
            #expect { try Self.create(.longKey, in: folder) } throws: { ($0 as? WeirError)?.code == .alreadyExists }
            let again = try MixedTable.load(table.identifier, from: table.base.catalog)
            #expect(again.change?.schema == table.change?.schema && again.base.schema == table.base.schema)
            #expect(again.change?.metadataLocation == table.change?.metadataLocation)
        }
    }

    @Test func `an optimizing run that lost a race changes nothing`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(.wideKey, in: folder)
            let writer = try KeyedTableWriter(table)
            let change: [(ChangeKind, ModelRow)] = [(.insert, [.string("a"), .date(1), .long(1)])]
            _ = try writer.write(.changes(change, table.schema))
            table = try table.commit(try writer.cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            let winner = try FullOptimize(table, nowMilliseconds: 1).run().table
            #expect(throws: (any Error).self) { try FullOptimize(table, nowMilliseconds: 1).run() }
            let files = try winner.refreshed().base.plan(snapshotId: winner.base.metadata.currentSnapshot?.id)
            #expect(files.count == 1)
        }
    }
}
