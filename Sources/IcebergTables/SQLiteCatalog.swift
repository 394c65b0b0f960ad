import Bytes
import Foundation
import GRDB
import IcebergFormat
import ObjectStorage

/// The embedded catalog: one SQLite file with the schema that Java's JdbcCatalog and PyIceberg's SqlCatalog share.
///
/// ```
/// iceberg_tables                catalog_name, table_namespace, table_name → metadata_location, previous_…, iceberg_type
/// iceberg_namespace_properties  catalog_name, namespace, property_key → property_value ("exists" = "true" at least)
/// ```
///
/// Several processes may use the file at once. Each change is one immediate transaction that waits for the write lock.
/// With a write-ahead log, readers and the writer do not block each other.
public final class SQLiteCatalog: Catalog {
    public let warehouse: String
    public let storage: any ObjectStorage
    public let name: String
    public static let defaultName = "weir"
    private let path: String
    /// Nil in a folder that this process cannot write: each read then opens the file anew.
    private let database: DatabaseQueue?
    private let configuration: Configuration
    private let wait: CatalogWait
    /// Databases with the older schema have no `iceberg_type` column and no views.
    let hasType: Bool

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
        self.path = LocalObjectStorage.localPath(path)
        self.name = name
        self.warehouse = Self.location(warehouse)
        self.storage = storage
        do throws(WeirError) {
            try LocalFileSystem().makeDirectories(self.path.parentDirectory)
        } catch  where FileManager.default.fileExists(atPath: self.path) {}
        var configuration = Configuration()
        let wait = CatalogWait(patience, path: self.path)
        self.wait = wait
        configuration.busyMode = .callback { wait.goesOn(after: $0) }
        configuration.label = "weir.catalog"
        let isNew = !FileManager.default.fileExists(atPath: self.path)
        // An existing catalog in a read-only directory can still be read.
        configuration.readonly = !isNew && !FileManager.default.isWritableFile(atPath: self.path.parentDirectory)
        if !configuration.readonly { configuration.prepareDatabase(Self.prepare(connection:)) }
        let (path, settings) = (self.path, configuration)
        self.configuration = settings
        (database, hasType) = try Self.rethrowing("open", path) {
            if settings.readonly { return (nil, try Self.readOnly(path, settings, Self.probe)) }
            let queue = try DatabaseQueue(path: path, configuration: settings)
            try Self.chooseJournal(queue, wait, path: path, on: fileSystemType(path))
            // Check with a read first, so that readers do not wait for the write lock.
            if try queue.read(Self.isPrepared) { return (queue, try queue.read(Self.probe)) }
            return (queue, try queue.inImmediate(Self.prepare))
        }
    }

    static func location(_ warehouse: String) -> String {
        let trimmed = warehouse.withoutTrailingSlash
        if trimmed.contains("://") { return trimmed }
        let path = LocalObjectStorage.localPath(trimmed)
        return "file://" + URL(fileURLWithPath: path).standardizedFileURL.path
    }

    private static func isPrepared(_ db: Database) throws -> Bool {
        try db.tableExists("iceberg_tables") && db.tableExists("iceberg_namespace_properties")
    }

    private static func probe(_ db: Database) throws -> Bool {
        try db.columns(in: "iceberg_tables").contains { $0.name == "iceberg_type" }
    }

    private static func prepare(_ db: Database) throws -> Bool {
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS iceberg_tables (
                    catalog_name VARCHAR(255) NOT NULL,
                    table_namespace VARCHAR(255) NOT NULL,
                    table_name VARCHAR(255) NOT NULL,
                    metadata_location VARCHAR(1000),
                    previous_metadata_location VARCHAR(1000),
                    iceberg_type VARCHAR(5),
                    PRIMARY KEY (catalog_name, table_namespace, table_name)
                );
                CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
                    catalog_name VARCHAR(255) NOT NULL,
                    namespace VARCHAR(255) NOT NULL,
                    property_key VARCHAR(255) NOT NULL,
                    property_value VARCHAR(1000) NOT NULL,
                    PRIMARY KEY (catalog_name, namespace, property_key)
                );
                """
        )
        return try probe(db)
    }

    private var onlyTables: String { hasType ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "" }

    public func namespaces() throws(WeirError) -> [[String]] {
        try read { [name] db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1
                    UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?1 ORDER BY 1
                    """,
                arguments: [name]
            ).map { $0.split(separator: ".").map(String.init) }
        }
    }

    public func createNamespace(_ namespace: [String], ifNotExists: Bool) throws(WeirError) {
        let text = try Self.text(namespace)
        // Without a write-ahead log even an empty write transaction waits for readers.
        if ifNotExists, try read({ [self] in try has(text, $0) }) { return }
        try write { [self] db in
            if try has(text, db) {
                guard ifNotExists else { throw WeirError(.alreadyExists, "namespace '\(text)' exists already") }
                return
            }
            try db.execute(
                sql: """
                    INSERT INTO iceberg_namespace_properties
                    (catalog_name, namespace, property_key, property_value) VALUES (?, ?, 'exists', 'true')
                    """,
                arguments: [name, text]
            )
        }
    }

    public func dropNamespace(_ namespace: [String]) throws(WeirError) {
        let text = try Self.text(namespace)
        try write { [self] db in
            guard try has(text, db) else { throw WeirError(.notFound, "there is no namespace '\(text)'") }
            let tables = try Int.fetchOne(
                db,
                sql: "SELECT count(*) FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?",
                arguments: [name, text]
            )
            guard tables == 0 else {
                throw WeirError(.conflict, "namespace '\(text)' still holds tables", advice: "drop them first")
            }
            try db.execute(
                sql: "DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?",
                arguments: [name, text]
            )
        }
    }

    public func tables(in namespace: [String]) throws(WeirError) -> [TableIdentifier] {
        let text = try Self.text(namespace)
        return try read { [self] db in
            guard try has(text, db) else {
                throw WeirError(
                    .notFound,
                    "there is no namespace '\(text)'",
                    advice: try NearestName.advice(for: text, among: namespaceTexts(db)) ?? underOtherNames(db)
                )
            }
            return try names(in: text, db).map { TableIdentifier(namespace: namespace, name: $0) }
        }
    }

    public func otherCatalogs() throws(WeirError) -> [(name: String, tables: Int)] {
        try read { [self] db in try Self.otherCatalogs(than: name, onlyTables, db) }
    }

    public func metadataLocation(of id: TableIdentifier) throws(WeirError) -> String {
        let namespace = try Self.text(id.namespace)
        return try read { [self] db in
            let location = try String.fetchOne(
                db,
                sql: """
                    SELECT metadata_location FROM iceberg_tables
                    WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?\(onlyTables)
                    """,
                arguments: [name, namespace, id.name]
            )
            guard let location else { throw try missing(id, namespace, db) }
            return location
        }
    }

    public func register(_ id: TableIdentifier, metadataLocation: String) throws(WeirError) {
        let namespace = try Self.text(id.namespace)
        try write { [self] db in
            guard try has(namespace, db) else {
                throw WeirError(
                    .notFound,
                    "there is no namespace '\(namespace)'",
                    advice: NearestName.advice(for: namespace, among: try namespaceTexts(db)) ?? "create it first"
                )
            }
            // A view with that name counts too.
            let taken = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM iceberg_tables
                    WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?
                    """,
                arguments: [name, namespace, id.name]
            )
            guard taken == 0 else { throw WeirError.tableExists(id) }
            let type = hasType ? (column: ", iceberg_type", value: ", 'TABLE'") : ("", "")
            try db.execute(
                sql: """
                    INSERT INTO iceberg_tables
                    (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location\(type.0))
                    VALUES (?, ?, ?, ?, NULL\(type.1))
                    """,
                arguments: [name, namespace, id.name, metadataLocation]
            )
        }
    }

    public func unregister(_ id: TableIdentifier, at metadataLocation: String?) throws(WeirError) {
        let namespace = try Self.text(id.namespace)
        try write { [self] db in
            try db.execute(
                sql: """
                    DELETE FROM iceberg_tables
                    WHERE catalog_name = ?1 AND table_namespace = ?2 AND table_name = ?3\(onlyTables)
                    AND (?4 IS NULL OR metadata_location = ?4)
                    """,
                arguments: [name, namespace, id.name, metadataLocation]
            )
            guard db.changesCount == 0 else { return }
            guard try names(in: namespace, db).contains(id.name) else { throw try missing(id, namespace, db) }
            throw WeirError(.conflict, "another writer changed table '\(id)' first")
        }
    }

    public func commit(
        _ id: TableIdentifier,
        from oldMetadataLocation: String,
        to newMetadataLocation: String
    ) throws(WeirError) {
        let namespace = try Self.text(id.namespace)
        try write { [self] db in
            try db.execute(
                sql: """
                    UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
                    WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?
                    """,
                arguments: [
                    newMetadataLocation, oldMetadataLocation, name, namespace, id.name, oldMetadataLocation,
                ]
            )
            guard db.changesCount == 0 else { return }
            guard try names(in: namespace, db).contains(id.name) else { throw try missing(id, namespace, db) }
            throw WeirError(.conflict, "another writer changed table '\(id)' first")
        }
    }

    private func has(_ namespace: String, _ db: Database) throws -> Bool {
        // A namespace also exists if it has tables or nested namespaces.
        let inside = namespace + ".%"
        return try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM iceberg_namespace_properties
                    WHERE catalog_name = ?1 AND (namespace = ?2 OR namespace LIKE ?3))
                OR EXISTS (SELECT 1 FROM iceberg_tables
                    WHERE catalog_name = ?1 AND (table_namespace = ?2 OR table_namespace LIKE ?3))
                """,
            arguments: [name, namespace, inside]
        ) ?? false
    }

    private func namespaceTexts(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: "SELECT DISTINCT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?",
            arguments: [name]
        )
    }

    private func names(in namespace: String, _ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT table_name FROM iceberg_tables
                WHERE catalog_name = ? AND table_namespace = ?\(onlyTables) ORDER BY table_name
                """,
            arguments: [name, namespace]
        )
    }

    private func missing(_ id: TableIdentifier, _ namespace: String, _ db: Database) throws -> WeirError {
        if try isView(id, namespace, db) {
            return WeirError(
                .notFound,
                "'\(id)' is a view, and Weir reads tables only",
                advice: "name the tables that the view reads"
            )
        }
        let inNamespace = try names(in: namespace, db).map { namespace + "." + $0 }
        let candidates =
            try inNamespace.isEmpty
            ? namespaceTexts(db).flatMap { namespace in
                try names(in: namespace, db).map { namespace + "." + $0 }
            } : inNamespace
        // Do not suggest the change store of a table.
        let known = Set(candidates)
        let suffix = "_change_"
        let shown = candidates.filter { !$0.hasSuffix(suffix) || !known.contains(String($0.dropLast(suffix.count))) }
        return WeirError(
            .notFound,
            "there is no table '\(id)'",
            at: URL(fileURLWithPath: path).path,
            advice: try elsewhere(id, namespace, isAlone: shown.isEmpty, db)
                ?? NearestName.advice(for: id.description, among: shown) ?? "that catalog has no tables"
        )
    }

    private static func text(_ namespace: [String]) throws(WeirError) -> String {
        guard !namespace.isEmpty, namespace.allSatisfy({ !$0.isEmpty && !$0.contains(".") && !$0.contains("/") }) else {
            throw WeirError(
                .invalid,
                "'\(namespace.joined(separator: "."))' is not the name of a database",
                advice: "its parts are not empty and hold no '/'"
            )
        }
        return namespace.joined(separator: ".")
    }

    private func read<Result: Sendable>(
        _ body: @Sendable (Database) throws -> Result
    ) throws(WeirError) -> Result {
        try Self.rethrowing("read", path) {
            defer { wait.ended() }
            guard let database else { return try Self.readOnly(path, configuration, body) }
            return try database.read(body)
        }
    }

    private func write<Result: Sendable>(
        _ body: @Sendable (Database) throws -> Result
    ) throws(WeirError) -> Result {
        try Self.rethrowing("change", path) {
            defer { wait.ended() }
            guard let database else { throw DatabaseError(resultCode: .SQLITE_READONLY) }
            return try database.inImmediate(body)
        }
    }

    /// Translates SQLite errors to `WeirError`; a `WeirError` is passed on.
    private static func rethrowing<Result>(
        _ verb: String,
        _ path: String,
        _ body: () throws -> Result
    ) throws(WeirError) -> Result {
        do {
            return try body()
        } catch let error as WeirError {
            throw error
        } catch let error as DatabaseError {
            throw Self.translated(error, verb, path, hasChangedNothing: false)
        } catch let error as RolledBack {
            throw Self.translated(error.cause, verb, path, hasChangedNothing: true)
        } catch {
            throw WeirError(.storage, "cannot \(verb) the catalog: \(error)", at: path)
        }
    }

    private static func translated(
        _ error: DatabaseError,
        _ verb: String,
        _ path: String,
        hasChangedNothing: Bool
    ) -> WeirError {
        let reason = error.message ?? "SQLite code \(error.resultCode.rawValue)"
        if error.resultCode == .SQLITE_BUSY || error.resultCode == .SQLITE_LOCKED {
            return WeirError(
                .locked,
                "cannot \(verb) the catalog: another process keeps it busy",
                at: path,
                advice: "end the session that has a transaction open on it"
            )
        }
        let (code, advice): (WeirError.Code, String?) =
            switch error.resultCode {
            case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
                (.storage, "SQLite writes a journal beside the database, so file and folder must be writable")
            case .SQLITE_FULL: (.outOfSpace, "free space and start again; what was committed is kept")
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                (
                    .corrupt,
                    "is it the catalog's SQLite file? a damaged one is restored from a copy, or by sqlite3's '.recover'"
                )
            default: (.storage, nil)
            }
        return WeirError(
            code,
            "cannot \(verb) the catalog: \(reason)",
            at: path,
            advice: advice,
            hasChangedNothing: hasChangedNothing
        )
    }
}
