import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

@testable import Optimizing

/// PyIceberg and DuckDB read tables that were expired and cleaned, and PyIceberg goes on writing them.
@Suite(.hangGuard, .enabled(if: Peers.shouldRun)) struct CleaningPeerTests {
    @Test func `other engines read and write a table after it was cleaned`() throws {
        try withTemporaryFolder { folder in
            let session = try BaseSession()
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"], ifNotExists: true)
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "people"),
                schema: Schema([Field(id: 1, name: "id", type: .long), Field(id: 2, name: "name", type: .string)]),
                primaryKey: ["id"],
                properties: ["snapshot.keep.max-count": "2", "change.data.ttl.minutes": "1"]
            )
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: now)
            let writer = try KeyedTableWriter(table)
            let materializer = Materializer(table)
            for round in 0..<5 {
                if writer.isBetweenEpochs, try writer.baseHasMoved() { _ = try writer.follow(table.refreshed()) }
                let changes = (0..<8).map { id in
                    (ChangeKind.insert, [Scalar.long(Int64(id + round)), .string("round \(round)")])
                }
                _ = try writer.write(.changes(changes, table.schema))
                table = try table.commit(
                    try writer.cut(),
                    topology: "t",
                    from: PositionLedger(round == 0 ? [:] : ["t": [0: Int64(round)]]),
                    to: PositionLedger(["t": [0: Int64(round + 1)]])
                )
                while try materializer.step(nowMilliseconds: now) != .caughtUp {}
            }
            try session.append([(900, "theirs")], to: "shop.people", in: folder)
            try session.delete([3], from: "shop.people", in: folder)
            table = try table.refreshed()
            func rows() throws -> [[String]] {
                try BaseSession.Engine.allCases.map { engine in
                    try session.rows(engine, metadata: try catalog.metadataLocation(of: table.identifier))
                        .map { "\($0.id) \($0.name ?? "null")" }.sorted()
                }
            }
            let before = try rows()
            try LocalObjectStorage().putNew(table.base.dataLocation + "/part=1/stray.parquet", [1])
            func files() throws -> Int { try LocalObjectStorage().list(folder + "/shop").count }
            let count = try files()
            let later = now + 3 * 86_400_000
            for hours in [0, 2, 4] {
                let neighbours = try NeighbourFolders(of: catalog)
                let time = later + Int64(hours) * 3_600_000
                (table, _) = try TableExpiry(table, neighbours: neighbours, nowMs: time).run()
                let all = Set(FoundFileClass.allCases)
                let cleaning = TableCleaning(table, neighbours: neighbours, nowMs: time)
                _ = try cleaning.run(.init(quarantines: all, deletes: all))
            }
            #expect(try rows() == before && before[0] == before[1] && before[0].count == 12)
            #expect(try files() < count / 2, "\(count) files before")
            #expect(try table.change?.refreshed().plan().isEmpty == true)
            #expect(!FileManager.default.fileExists(atPath: folder + "/shop/people/data/part=1"))
            try session.append([(901, "theirs")], to: "shop.people", in: folder)
            #expect(try rows()[1].count == 13)
        }
    }
}
