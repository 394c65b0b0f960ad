import Foundation
import IcebergTables
import ObjectStorage
import WeirTesting

/// The databases that SQL catalogs are tested on. Suites that use PostgreSQL have the trait `.postgres`.
enum CatalogDatabase: CaseIterable, Sendable {
    case sqlite, postgres

    static let tested: [Self] = PostgresServer.isAvailable ? allCases : [.sqlite]

    /// Runs the body with a folder whose catalog is in this database: a file in the folder, or a schema of the suite's
    /// server.
    func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            guard self == .postgres else { return try body(folder) }
            let server = try PostgresScope.server()
            let schema = "s" + UUID().uuidString.lowercased().replacing("-", with: "")
            try server.sql("CREATE SCHEMA \(schema)")
            let uri = server.uri(options: "?options=-csearch_path%3D\(schema)")
            try uri.write(toFile: folder + "/catalog.uri", atomically: true, encoding: .utf8)
            return try body(folder)
        }
    }

    /// Opens the catalog of a folder.
    static func open(
        _ folder: String,
        name: String = "weir",
        storage: any ObjectStorage = LocalObjectStorage(),
        patience: CatalogPatience = CatalogPatience()
    ) throws -> any SQLCatalog {
        let warehouse = folder + "/wh"
        guard let uri = uri(folder) else {
            return try SQLiteCatalog(
                path: folder + "/catalog.db",
                name: name,
                warehouse: warehouse,
                storage: storage,
                patience: patience
            )
        }
        return try PostgresCatalog(
            PostgresAddress(uri),
            name: name,
            warehouse: warehouse,
            storage: storage,
            patience: patience
        )
    }

    private static func uri(_ folder: String) -> String? {
        try? String(contentsOfFile: folder + "/catalog.uri", encoding: .utf8)
    }
}
