import Bytes
import Foundation
import IcebergFormat
import ObjectStorage

/// The embedded catalog: one SQLite file. Its tables are described at `JDBCTables`, its locking at `SQLiteDatabase`.
public final class SQLiteCatalog: SQLCatalog {
    public let warehouse: String
    public let storage: any ObjectStorage
    public let jdbc: JDBCTables
    public static let defaultName = "weir"

    /// Opens or creates the database.
    ///
    /// - Parameters:
    ///   - path: of the database file; `file:` URIs are accepted too.
    ///   - name: the catalog name; several catalogs can share a file.
    ///   - warehouse: a location; a plain absolute or relative path becomes `file://…`.
    ///   - patience: how to wait while other processes hold locks on the database.
    public convenience init(
        path: String,
        name: String = SQLiteCatalog.defaultName,
        warehouse: String,
        storage: any ObjectStorage = LocalObjectStorage(),
        patience: CatalogPatience = CatalogPatience()
    ) throws(WeirError) {
        try self.init(
            path: path,
            name: name,
            warehouse: warehouse,
            storage: storage,
            patience: patience,
            fileSystemType: FileSystemType.of
        )
    }

    /// - Parameter fileSystemType: returns the kernel's name of the file system type of a path.
    init(
        path: String,
        name: String = "weir",
        warehouse: String,
        storage: any ObjectStorage = LocalObjectStorage(),
        patience: CatalogPatience = CatalogPatience(),
        fileSystemType: @Sendable (String) -> String?
    ) throws(WeirError) {
        self.warehouse = Self.location(warehouse)
        self.storage = storage
        let database = try SQLiteDatabase(
            path: LocalObjectStorage.localPath(path),
            patience: patience,
            fileSystemType: fileSystemType
        )
        jdbc = JDBCTables(database: database, name: name, hasType: database.hasType)
    }

    static func location(_ warehouse: String) -> String {
        let trimmed = warehouse.withoutTrailingSlash
        if trimmed.contains("://") { return trimmed }
        let path = LocalObjectStorage.localPath(trimmed)
        return "file://" + URL(fileURLWithPath: path).standardizedFileURL.path
    }
}
