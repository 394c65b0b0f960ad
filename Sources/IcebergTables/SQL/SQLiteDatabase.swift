import Bytes
import Foundation
import GRDB
import ObjectStorage

/// A SQLite file. Several processes may use it at once: each change is one immediate transaction that waits for the
/// write lock. With a write-ahead log, readers and the writer do not block each other.
final class SQLiteDatabase: SQLDatabase {
    private let path: String
    var location: String { URL(fileURLWithPath: path).path }
    /// Nil in a folder that this process cannot write: each read then opens the file anew.
    private let queue: DatabaseQueue?
    private let configuration: Configuration
    private let wait: CatalogWait
    /// Whether the catalog's tables have the column `iceberg_type`.
    let hasType: Bool

    /// Opens or creates the database and its tables.
    ///
    /// - Parameter fileSystemType: returns the kernel's name of the file system type of a path.
    init(
        path: String,
        patience: CatalogPatience,
        fileSystemType: @Sendable (String) -> String?
    ) throws(WeirError) {
        self.path = path
        do throws(WeirError) {
            try LocalFileSystem().makeDirectories(path.parentDirectory)
        } catch  where FileManager.default.fileExists(atPath: path) {}
        var configuration = Configuration()
        let wait = CatalogWait(patience, path: path)
        self.wait = wait
        configuration.busyMode = .callback { wait.goesOn(after: $0) }
        configuration.label = "weir.catalog"
        let isNew = !FileManager.default.fileExists(atPath: path)
        // An existing catalog in a read-only directory can still be read.
        configuration.readonly = !isNew && !FileManager.default.isWritableFile(atPath: path.parentDirectory)
        if !configuration.readonly { configuration.prepareDatabase(Self.prepare(connection:)) }
        let settings = configuration
        self.configuration = settings
        (queue, hasType) = try Self.rethrowing("open", path) {
            if settings.readonly { return (nil, try Self.readOnly(path, settings, Self.probe)) }
            let queue = try DatabaseQueue(path: path, configuration: settings)
            try Self.chooseJournal(queue, wait, path: path, on: fileSystemType(path))
            // Check with a read first, so that readers do not wait for the write lock.
            if try queue.read(Self.isPrepared) { return (queue, try queue.read(Self.probe)) }
            return (queue, try queue.inImmediate { db in .commit(try Self.prepare(db)) })
        }
    }

    private static func isPrepared(_ db: Database) throws -> Bool {
        try db.tableExists("iceberg_tables") && db.tableExists("iceberg_namespace_properties")
    }

    private static func probe(_ db: Database) throws -> Bool {
        try db.columns(in: "iceberg_tables").contains { $0.name == "iceberg_type" }
    }

    private static func prepare(_ db: Database) throws -> Bool {
        for statement in JDBCTables.creation { try db.execute(sql: statement) }
        return try probe(db)
    }

    func read<Result: Sendable>(
        _ body: @Sendable (any SQLSession) throws -> Result
    ) throws(WeirError) -> Result {
        try Self.rethrowing("read", path) {
            defer { wait.ended() }
            guard let queue else {
                return try Self.readOnly(path, configuration) { db in try body(SQLiteSession(db: db)) }
            }
            return try queue.read { db in try body(SQLiteSession(db: db)) }
        }
    }

    func write<Result: Sendable>(
        _ body: @Sendable (any SQLSession) throws -> SQLVerdict<Result>
    ) throws(WeirError) -> Result {
        try Self.rethrowing("change", path) {
            defer { wait.ended() }
            guard let queue else { throw DatabaseError(resultCode: .SQLITE_READONLY) }
            return try queue.inImmediate { db in try body(SQLiteSession(db: db)) }
        }
    }

    /// After an I/O error SQLite does not tell whether the journal will be rolled back.
    func settle() throws(WeirError) -> Bool { false }

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

private struct SQLiteSession: SQLSession {
    let db: Database

    func rows(_ sql: String, _ arguments: [String?]) throws -> [[String?]] {
        try Row.fetchAll(db, sql: sql, arguments: StatementArguments(arguments)).map { row in
            row.databaseValues.map { value in
                switch value.storage {
                case .null: nil
                case .int64(let number): String(number)
                case .double(let number): String(number)
                case .string(let text): text
                case .blob(let bytes): String(decoding: bytes, as: UTF8.self)
                }
            }
        }
    }

    func run(_ sql: String, _ arguments: [String?]) throws -> Int {
        try db.execute(sql: sql, arguments: StatementArguments(arguments))
        return db.changesCount
    }

    /// The transaction has the write lock already.
    func lockNames() {}
}
