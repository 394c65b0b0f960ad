import Bytes
import Columnar
import Foundation
import GRDB
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

@Suite struct SQLiteCatalogTests {
    let id = TableIdentifier(namespace: ["db"], name: "orders")

    @Test func `namespaces and tables come and go`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            #expect(catalog.warehouse == "file://" + folder + "/wh")
            #expect(throws: WeirError.self) { try catalog.createNamespace(["db"]) }
            try catalog.createNamespace(["db", "inner"])
            #expect(try catalog.namespaces() == [["db"], ["db", "inner"]])
            let table = try catalog.create(id, schema: testSchema)
            #expect(table.location == catalog.warehouse + "/db/orders")
            #expect(throws: WeirError.self) { try catalog.create(id, schema: testSchema) }
            #expect(try catalog.tables(in: ["db"]) == [id])
            let held = #expect(throws: WeirError.self) { try catalog.dropNamespace(["db"]) }
            #expect(held?.code == .conflict)
            try catalog.drop(id, purge: true)
            #expect(try LocalObjectStorage().list(table.location).isEmpty)
            #expect(try !catalog.exists(id))
            let gone = #expect(throws: WeirError.self) { try table.appending("a") }
            #expect(gone?.code == .notFound)
        }
    }

    @Test func `a wrong name is answered with the nearest one`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            _ = try catalog.create(id, schema: testSchema)
            let table = #expect(throws: WeirError.self) { try catalog.load(TableIdentifier("db.ordres")) }
            #expect(table?.advice == "did you mean 'db.orders'?")
            let namespace = #expect(throws: WeirError.self) { try catalog.tables(in: ["bd"]) }
            #expect(namespace?.advice == "did you mean 'db'?")
            for wrong in ["orders", "db.", ".orders", ""] {
                #expect(throws: WeirError.self, "\(wrong)") { try TableIdentifier(wrong) }
            }
        }
    }

    @Test func `hints leave out change stores`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            for name in ["orders", "orders_change_", "lone_change_"] {
                _ = try catalog.create(TableIdentifier(namespace: ["db"], name: name), schema: testSchema)
            }
            let error = #expect(throws: WeirError.self) { try catalog.load(TableIdentifier("db.unheard_of_name")) }
            #expect(error?.advice == "known are db.lone_change_, db.orders")
        }
    }

    @Test func `opening and reading do not wait for a writer`() throws {
        try withTemporaryFolder { folder in
            let created = try makeCatalog(folder).create(id, schema: testSchema)
            let path = folder + "/catalog.db"
            try #require(FileManager.default.fileExists(atPath: path))
            let other = try DatabaseQueue(path: path)
            try other.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    let start = Date()
                    let catalog = try SQLiteCatalog(path: path, name: "test", warehouse: folder + "/wh")
                    _ = try catalog.namespaces()
                    #expect(Date().timeIntervalSince(start) < 20)
                    return .commit
                }
            }
            #expect(created.identifier == id)
        }
    }

    @Test func `another writer's swap is a conflict`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            let table = try catalog.create(id, schema: testSchema)
            try catalog.commit(id, from: table.metadataLocation, to: "file:///elsewhere")
            let error = #expect(throws: WeirError.self) {
                try catalog.commit(id, from: table.metadataLocation, to: "file:///other")
            }
            #expect(error?.code == .conflict)
            #expect(try catalog.metadataLocation(of: id) == "file:///elsewhere")
        }
    }

    /// The schema Java's JdbcCatalog creates by default, without `iceberg_type`.
    @Test func `databases of the older schema work`() throws {
        try withTemporaryFolder { folder in
            let queue = try DatabaseQueue(path: folder + "/catalog.db")
            try queue.write { db in
                try db.execute(
                    sql: """
                        CREATE TABLE iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255)
                        NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),
                        previous_metadata_location VARCHAR(1000),
                        PRIMARY KEY (catalog_name, table_namespace, table_name))
                        """
                )
            }
            try queue.close()
            let table = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
            #expect(try table.catalog.tables(in: ["db"]) == [id])
            #expect(try makeCatalog(folder).load(id).liveNames() == ["a"])
        }
    }

    @Test func `views are not tables`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            try DatabaseQueue(path: folder + "/catalog.db").write { db in
                try db.execute(sql: "INSERT INTO iceberg_tables VALUES ('weir', 'db', 'orders', 'x', NULL, 'VIEW')")
                try db.execute(sql: "INSERT INTO iceberg_tables VALUES ('other', 'db', 't', 'x', NULL, 'TABLE')")
            }
            #expect(try catalog.tables(in: ["db"]).isEmpty)
            #expect(throws: WeirError.self) { try catalog.load(id) }
            let taken = #expect(throws: WeirError.self) { try catalog.create(id, schema: testSchema) }
            #expect(taken?.code == .alreadyExists)
        }
    }

    @Test func `a file that is no database is named`() throws {
        try withTemporaryFolder { folder in
            try LocalObjectStorage().putNew(
                folder + "/catalog.db",
                Array(String(repeating: "no database ", count: 100).utf8)
            )
            let error = #expect(throws: WeirError.self) { try makeCatalog(folder) }
            #expect(error?.code == .corrupt)
            #expect(error?.location == folder + "/catalog.db")
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
    func `a read-only folder can be read, and writing says why not`() throws {
        try withTemporaryFolder { folder in
            _ = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
            chmod(folder, 0o555)
            defer { chmod(folder, 0o755) }
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: folder + "/wh")
            #expect(try catalog.load(id).liveNames() == ["a"])
            let error = #expect(throws: WeirError.self) { try catalog.createNamespace(["x"]) }
            #expect(error?.advice?.contains("writable") == true)
        }
    }
}
