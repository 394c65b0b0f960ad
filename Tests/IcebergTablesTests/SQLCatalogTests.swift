import Bytes
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// What every SQL catalog does.
@Suite(.postgres, .hangGuard) struct SQLCatalogTests {
    let id = TableIdentifier(namespace: ["db"], name: "orders")

    @Test(arguments: CatalogDatabase.tested) func `namespaces and tables come and go`(_ database: CatalogDatabase)
        throws
    {
        try database.withFolder { folder in
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

    @Test(arguments: CatalogDatabase.tested) func `a wrong name is answered with the nearest one`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
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

    @Test(arguments: CatalogDatabase.tested) func `hints leave out change stores`(_ database: CatalogDatabase) throws {
        try database.withFolder { folder in
            let catalog = try makeCatalog(folder)
            for name in ["orders", "orders_change_", "lone_change_"] {
                _ = try catalog.create(TableIdentifier(namespace: ["db"], name: name), schema: testSchema)
            }
            let error = #expect(throws: WeirError.self) { try catalog.load(TableIdentifier("db.unheard_of_name")) }
            #expect(error?.advice == "known are db.lone_change_, db.orders")
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `a pointer that another writer has moved stays where it is`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let catalog = try makeCatalog(folder)
            let table = try catalog.create(id, schema: testSchema)
            #expect(try catalog.swap([PointerSwap(id, from: table.metadataLocation, to: "file:///elsewhere")]) == [])
            #expect(try catalog.swap([PointerSwap(id, from: table.metadataLocation, to: "file:///other")]) == [id])
            #expect(try catalog.metadataLocation(of: id) == "file:///elsewhere")
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `pointers move together or not at all`(_ database: CatalogDatabase)
        throws
    {
        try database.withFolder { folder in
            let catalog = try makeCatalog(folder)
            let tables = try ["a", "b", "c"].map { name in
                try catalog.create(TableIdentifier(namespace: ["db"], name: name), schema: testSchema)
            }
            let ids = tables.map(\.identifier)
            func swap(_ index: Int, to new: String?) -> PointerSwap {
                PointerSwap(ids[index], from: tables[index].metadataLocation, to: new)
            }
            let before = tables.map(\.metadataLocation)
            // The second one is named by a file that is not current.
            let stale = PointerSwap(ids[1], from: "file:///stale", to: "file:///b")
            #expect(try catalog.swap([swap(2, to: "file:///c"), stale, swap(0, to: "file:///a")]) == [ids[1]])
            #expect(try catalog.metadataLocations(of: ids) == before)
            // It is only required to be current.
            let required = PointerSwap(ids[1], from: "file:///stale", to: nil)
            #expect(try catalog.swap([swap(0, to: "file:///a"), required]) == [ids[1]])
            #expect(try catalog.metadataLocations(of: ids) == before)
            // It is not there.
            let gone = PointerSwap(TableIdentifier(namespace: ["db"], name: "d"), from: "file:///d", to: "file:///e")
            let error = #expect(throws: WeirError.self) { try catalog.swap([swap(0, to: "file:///a"), gone]) }
            #expect(error?.code == .notFound && error?.message.contains("db.d") == true)
            #expect(try catalog.metadataLocations(of: ids) == before)
            #expect(
                try catalog.swap([swap(2, to: "file:///c"), swap(1, to: nil), swap(0, to: "file:///a")]) == []
            )
            #expect(try catalog.metadataLocations(of: ids) == ["file:///a", before[1], "file:///c"])
        }
    }

    @Test(arguments: CatalogDatabase.tested) func `a namespace is not there because of one with a similar name`(
        _ database: CatalogDatabase
    ) throws {
        try database.withFolder { folder in
            let catalog = try makeCatalog(folder)
            try catalog.createNamespace(["axb", "c"])
            #expect(throws: WeirError.self) { try catalog.tables(in: ["a_b"]) }
            #expect(try catalog.tables(in: ["axb"]).isEmpty)
        }
    }
}
