import Bytes
import ObjectStorage

/// A catalog in a PostgreSQL database, for several processes and machines. Its tables are described at `JDBCTables`, its
/// locking at `PostgresDatabase`.
public final class PostgresCatalog: SQLCatalog {
    public let warehouse: String
    public let storage: any ObjectStorage
    public let jdbc: JDBCTables

    /// Connects, and creates the catalog's tables if they are missing.
    ///
    /// Fails with `notFound` if there are none and they are not to be created, with `unsupported` if the server or its
    /// tables cannot be used, and with `storage` if the server cannot be reached or refuses.
    ///
    /// - Parameters:
    ///   - name: the catalog name; several catalogs can share a database.
    ///   - warehouse: a location; a plain absolute or relative path becomes `file://…`.
    ///   - patience: how long to wait while the server is away or other sessions hold locks. A server that was never
    ///     reached is not waited for.
    ///   - createsTables: false for commands that only read.
    public convenience init(
        _ address: PostgresAddress,
        name: String = SQLiteCatalog.defaultName,
        warehouse: String,
        storage: any ObjectStorage = LocalObjectStorage(),
        patience: CatalogPatience = CatalogPatience(),
        createsTables: Bool = true
    ) throws(WeirError) {
        try self.init(
            PostgresDatabase(address, patience: patience),
            name: name,
            warehouse: warehouse,
            storage: storage,
            createsTables: createsTables
        )
    }

    init(
        _ database: PostgresDatabase,
        name: String = SQLiteCatalog.defaultName,
        warehouse: String,
        storage: any ObjectStorage = LocalObjectStorage(),
        createsTables: Bool = true
    ) throws(WeirError) {
        var contents = try database.contents()
        if !contents.hasTables {
            guard createsTables else {
                throw WeirError(
                    .notFound,
                    "there is no catalog in this database: it has no tables iceberg_tables and iceberg_namespace_properties",
                    at: database.location,
                    advice: "'weir run' and 'weir table create' make them; is it the right database, and search_path?"
                )
            }
            try database.createTables()
            contents = try database.contents()
        }
        self.warehouse = SQLiteCatalog.location(warehouse)
        self.storage = storage
        jdbc = JDBCTables(database: database, name: name, hasType: contents.hasType)
    }

    /// Whether the database holds a catalog's tables.
    public static func exists(
        _ address: PostgresAddress,
        patience: CatalogPatience = CatalogPatience()
    ) throws(WeirError) -> Bool {
        try PostgresDatabase(address, patience: patience).contents().hasTables
    }
}
