import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@Suite struct TransactionTests {
    @Test func `an append is there after a reload`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            let id = try TableIdentifier("db.t")
            let table = try catalog.create(id, schema: testSchema).appending("a", "b")
            #expect(table.currentSnapshot?.summary["total-records"] == "20")
            let again = try catalog.load(id)
            let isSame = again.metadata == table.metadata
            #expect(isSame)
            #expect(try again.liveNames() == ["a", "b"])
            #expect(try again.appending("c").liveNames() == ["a", "b", "c"])
        }
    }

    @Test func `properties alone make no snapshot`() throws {
        try withTemporaryFolder { folder in
            let table = try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: testSchema)
            var transaction = Transaction(table)
            transaction.setProperties(["a": "1", "b": "2"])
            transaction.removeProperties(["b"])
            let changed = try transaction.commit()
            #expect(changed.snapshots.isEmpty)
            #expect(changed.properties == ["a": "1"])
            #expect(try changed.catalog.load(changed.identifier).properties == ["a": "1"])
        }
    }

    @Test func `an overwrite removes files and keeps the others`() throws {
        try withTemporaryFolder { folder in
            let table = try makeCatalog(folder).create(try TableIdentifier("db.t"), schema: testSchema)
                .appending("a", "b")
            var transaction = Transaction(table)
            transaction.overwrite(adding: [dataFile("c")], removing: [dataFile("a")])
            let changed = try transaction.commit()
            #expect(try changed.liveNames() == ["b", "c"])
            let summary = try #require(changed.currentSnapshot).summary
            #expect(summary["deleted-data-files"] == "1" && summary["total-data-files"] == "2")
            #expect(changed.currentSnapshot?.operation == "overwrite")
            // The file is gone, so removing it again contradicts what is there.
            var again = Transaction(table)
            again.overwrite(adding: [], removing: [dataFile("a")])
            let error = #expect(throws: WeirError.self) { try again.commit() }
            #expect(error?.code == .conflict)
        }
    }
}
