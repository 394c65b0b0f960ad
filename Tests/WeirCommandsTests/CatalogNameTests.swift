import Foundation
import Testing
import WeirTesting

/// Tables of another engine in the same database under another catalog name.
@Suite(
    .serialized,
    .mostlyWaits,
    .timeLimit(.minutes(30)),
    .enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run")
) struct CatalogNameTests {
    private static func create(_ folder: String, as name: String) throws {
        let warehouse = folder + "/warehouse"
        try FileManager.default.createDirectory(atPath: warehouse, withIntermediateDirectories: true)
        _ = try Peers.run(
            "pyiceberg_history.py",
            [warehouse + "/catalog.db", warehouse, name],
            input: "create db.t 2\nappend db.t 1:a\n"
        )
    }

    @Test func `they are told of where they are looked for, and read under their name`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try Self.create(folder, as: "prod")
            let list = try weir("table", "ls", "-o", "csv")
            #expect(list.status == 0 && list.output.split(separator: "\n").count == 1, "\(list.output)")
            #expect(list.errors.contains("1 table of this database under the catalog name prod"), "\(list.errors)")
            #expect(try weir("table", "ls", "--quiet").errors.isEmpty)
            let scan = try weir("scan", "db.t")
            #expect(scan.status == 1 && scan.errors.contains("use --catalog-name prod"), "\(scan.errors)")
            let near = try weir("scan", "db.tt")
            #expect(near.errors.contains("1 under 'prod'; use --catalog-name prod"), "\(near.errors)")
            let database = try weir("table", "ls", "db")
            #expect(database.status == 1 && database.errors.contains("--catalog-name prod"), "\(database.errors)")

            let found = try weir("scan", "db.t", "--catalog-name", "prod", "-o", "json")
            #expect(found.output == "{\"id\":1,\"name\":\"a\"}\n", "\(found.errors)")
            var other = weir
            other.environment = ["WEIR_CATALOG_NAME": "prod"]
            let named = try other("table", "ls", "-o", "csv")
            #expect(named.output.contains("db.t,iceberg"), "\(named.output)\(named.errors)")
            #expect(named.errors.isEmpty)
        }
    }

    @Test func `a topology writes under the name that its sink gives`() throws {
        try withTemporaryFolder { folder in
            let weir = WeirBinary(folder: folder)
            try Self.create(folder, as: "prod")
            let topology = """
                name: test
                source: { name: people, type: file-log, topics: [people], format: debezium-json }
                tables: [{ name: db.people, columns: { id: long, name: string }, primary-key: [id] }]
                sink: { type: mixed-iceberg, warehouse: ./warehouse, catalog-name: prod }
                """
            try topology.write(toFile: folder + "/topology.yaml", atomically: true, encoding: .utf8)
            _ = try weir("log", "create", "people")
            let run = try weir("run", folder + "/topology.yaml", "--until-caught-up")
            #expect(run.status == 0, "\(run.errors)")
            #expect(try weir("table", "ls", "--catalog-name", "prod", "-o", "csv").output.contains("db.people,keyed"))
            #expect(!(try weir("table", "ls", "-o", "csv").output.contains("db.people")))
        }
    }
}
