import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables

@Suite struct OptimizedSequenceTests {
    /// A table with two commits of which the first is optimized.
    private static func optimized(_ folder: String, _ registration: String?) throws -> MixedTable {
        let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
        try catalog.createNamespace(["shop"])
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "things"),
            schema: Schema([Field(id: 1, name: "id", type: .long)]),
            primaryKey: ["id"],
            properties: registration.map { [OptimizedSequence.registrationProperty: $0] } ?? [:]
        )
        var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
        let writer = try KeyedTableWriter(table)
        var ledger = PositionLedger()
        for id in Int64(1)...2 {
            _ = try writer.write(.changes([(.insert, [.long(id)])], table.schema))
            let next = PositionLedger(["t": [0: id]])
            table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
            ledger = next
            if id == 1 { table = try FullOptimize(table, nowMilliseconds: 77).run().table }
        }
        return try table.refreshed()
    }

    @Test(arguments: [nil, "property", "statistics"])
    func `the map is in a Puffin file and is read back`(registration: String?) throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, registration)
            let snapshot = try #require(table.base.metadata.currentSnapshot)
            let map = try OptimizedSequence.read(table.base, snapshotId: snapshot.id)
            #expect(map.sequences == ["": 1] && map.times == ["": 77])
            #expect(try MergeOnReadScan(table).count() == 2)

            let file = try #require(table.base.metadata.statistics.first { $0.snapshotId == snapshot.id })
            let name = try #require(file.path.split(separator: "/").last)
            #expect(name.hasPrefix("\(snapshot.id)-") && file.path.contains("/data/puffin/"))
            let blobs = try PuffinFile.decode(table.base.storage.read(file.path), at: file.path)
            #expect(blobs.map(\.type) == ["optimized-sequence", "base-optimized-time"])
            #expect(blobs.map { String(decoding: $0.bytes, as: UTF8.self) } == ["{\"\":1}", "{\"\":77}"])
            #expect(blobs.allSatisfy { $0.snapshotId == snapshot.id && $0.sequenceNumber == snapshot.sequenceNumber })
        }
    }

    @Test func `registered as the format has it, blobs are described and the snapshot is flagged`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, "statistics")
            let snapshot = try #require(table.base.metadata.currentSnapshot)
            #expect(snapshot.summary["optimized-sequence.exist"] == "true")
            #expect(snapshot.summary["base-optimized-time.exist"] == "true")
            #expect(
                table.base.metadata.statistics.first?.blobs.map(\.type) == [
                    "optimized-sequence", "base-optimized-time",
                ]
            )
        }
    }

    @Test func `by default the newest map is where other readers of Mixed tables fall back to`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, nil)
            #expect(
                table.base.properties["table.partition-properties"]
                    == "{\"\":{\"base-op-time\":\"77\",\"max-txId\":\"1\"}}"
            )
            #expect(table.base.metadata.currentSnapshot?.summary["optimized-sequence.exist"] == nil)
            #expect(table.base.metadata.statistics.first?.blobs.isEmpty == true)
        }
    }

    @Test func `a map that is gone is an error, not an empty one`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.optimized(folder, nil)
            let file = try #require(table.base.metadata.statistics.first)
            try table.base.storage.delete(file.path)
            #expect(throws: WeirError.self) { try MergeOnReadScan(table) }
        }
    }
}
