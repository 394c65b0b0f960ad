import Bytes
import Synchronization

/// A PostgreSQL database. Several processes on several machines may use it at once.
///
/// A write is one `READ COMMITTED` transaction, in which rows are locked in the order of their names, so that writes of
/// several tables neither block each other for ever nor see each other half done.
///
/// | failure | outcome | then |
/// |---|---|---|
/// | before `COMMIT` is sent | nothing has changed and nothing will | the transaction is run again |
/// | the server answers `COMMIT` with an error | the same | the same, if it is a passing error |
/// | after `COMMIT` is sent, without an answer | unknown | `settle` waits until it is decided; the caller looks it up |
///
/// Every write holds an advisory lock of its own, with a random number. Who gets that lock over another connection knows
/// that the write has been committed or rolled back, and is no longer on its way.
final class PostgresDatabase: SQLDatabase {
    let address: PostgresAddress
    var location: String { address.description }
    private let pool: PostgresPool
    private let limits: PostgresLimits
    private let patience: CatalogPatience
    private let clock: PostgresClock
    /// The locks of writes whose outcome was unknown when they failed.
    private let unsettled = Mutex<Set<Int64>>([])
    /// Whether reads ask the primary: after a write whose outcome was unknown, since they tell what became of it.
    private let asksPrimary = Mutex(false)

    init(
        _ address: PostgresAddress,
        patience: CatalogPatience = CatalogPatience(),
        limits: PostgresLimits = PostgresLimits(),
        clock: PostgresClock = .system
    ) {
        self.address = address
        self.patience = patience
        self.limits = limits
        self.clock = clock
        pool = PostgresPool(address, limits)
    }

    func read<Result: Sendable>(
        _ body: @Sendable (any SQLSession) throws -> Result
    ) throws(WeirError) -> Result {
        try reading("read", isOpening: false, body)
    }

    /// - Parameter isOpening: whether the database was never reached before.
    func reading<Result: Sendable>(
        _ verb: String,
        isOpening: Bool,
        _ body: (PostgresSession) throws -> Result
    ) throws(WeirError) -> Result {
        try attempting(verb, isOpening: isOpening) { connection in
            _ = try connection.runAll("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \(limits.statements)")
            let result = try Self.rollingBack(connection) {
                if asksPrimary.withLock({ $0 }) { try Self.checkIsPrimary(connection) }
                return try body(PostgresSession(connection: connection))
            }
            _ = try connection.runAll("COMMIT")
            return result
        }
    }

    func write<Result: Sendable>(
        _ body: @Sendable (any SQLSession) throws -> SQLVerdict<Result>
    ) throws(WeirError) -> Result {
        try writing("change", isOpening: false, body)
    }

    func writing<Result: Sendable>(
        _ verb: String,
        isOpening: Bool,
        _ body: (PostgresSession) throws -> SQLVerdict<Result>
    ) throws(WeirError) -> Result {
        let lock = Int64(bitPattern: clock.random())
        return try attempting(verb, isOpening: isOpening) { connection in
            _ = try connection.runAll(
                "BEGIN ISOLATION LEVEL READ COMMITTED; \(limits.statements); "
                    + "SELECT pg_advisory_xact_lock(\(lock))"
            )
            let verdict = try Self.rollingBack(connection) { try body(PostgresSession(connection: connection)) }
            switch verdict {
            case .rollBack(let result):
                _ = try connection.runAll("ROLLBACK")
                return result
            case .commit(let result):
                try commit(connection, lock)
                return result
            }
        }
    }

    private func commit(_ connection: PostgresConnection, _ lock: Int64) throws {
        do {
            // A timeout must not end the wait for a synchronous standby, which would commit without it.
            let answer = try connection.runAll("SET LOCAL statement_timeout = 0; COMMIT")
            // A failed transaction is rolled back without an error.
            guard answer.tag == "COMMIT" else {
                throw PostgresFailure(.refused, state: "25P02", "the server rolled the transaction back")
            }
        } catch var failure as PostgresFailure where failure.kind == .lost || failure.isConnectionError {
            // A pooler may answer for a server that it has lost.
            failure.isUnknown = true
            asksPrimary.withLock { $0 = true }
            unsettled.withLock { _ = $0.insert(lock) }
            throw failure
        }
    }

    func settle() throws(WeirError) -> Bool {
        let locks = unsettled.withLock { $0 }
        if locks.isEmpty { return true }
        try attempting("read", isOpening: false) { connection in
            _ = try connection.runAll("BEGIN ISOLATION LEVEL READ COMMITTED; \(limits.statements)")
            try Self.rollingBack(connection) {
                try Self.checkIsPrimary(connection)
                for lock in locks.sorted() { _ = try connection.runAll("SELECT pg_advisory_xact_lock(\(lock))") }
            }
            _ = try connection.runAll("COMMIT")
        }
        unsettled.withLock { $0.subtract(locks) }
        return true
    }

    /// A standby has neither the locks of the primary nor, perhaps, all of its commits.
    private static func checkIsPrimary(_ connection: PostgresConnection) throws {
        let answer = try connection.run("SELECT pg_is_in_recovery()", [])
        guard answer.rows.first?.first != "f" else { return }
        var failure = PostgresFailure(.connecting, "the server is a standby, which cannot tell about a commit")
        failure.isStandby = true
        throw failure
    }

    /// Runs a transaction over any connection, again after failures that may pass and have changed nothing.
    private func attempting<Result>(
        _ verb: String,
        isOpening: Bool,
        _ transaction: (PostgresConnection) throws -> Result
    ) throws(WeirError) -> Result {
        var retry = PostgresRetry(patience, clock, location: location, isOpening: isOpening)
        while true {
            do {
                let result = try pool.withConnection(transaction)
                retry.ended()
                return result
            } catch let failure as PostgresFailure {
                // Another connection may reach another server.
                if failure.isReadOnly || failure.isStandby { pool.closeIdle() }
                if !failure.isUnknown, retry.goesOn(after: failure, holders: holders) { continue }
                throw failure.error(verb, at: location)
            } catch let error as WeirError {
                throw error
            } catch {
                throw WeirError(.storage, "cannot \(verb) the catalog: \(error)", at: location)
            }
        }
    }

    /// Runs the statements of an open transaction, and rolls it back if they fail.
    private static func rollingBack<Result>(_ connection: PostgresConnection, _ body: () throws -> Result) throws
        -> Result
    {
        do {
            return try body()
        } catch let failure as PostgresFailure where failure.kind == .lost {
            throw failure
        } catch {
            _ = try connection.runAll("ROLLBACK")
            throw error
        }
    }

    /// The sessions that have locked rows of the catalog, such as `session 4711 (pgAdmin)`.
    private func holders() -> [String] {
        let rows = try? pool.withConnection { connection in
            try connection.run(
                """
                SELECT pid, coalesce(application_name, '') FROM pg_stat_activity
                WHERE pid <> pg_backend_pid() AND state LIKE 'idle in transaction%' AND pid IN (
                    SELECT pid FROM pg_locks WHERE granted AND mode <> 'AccessShareLock'
                    AND relation = to_regclass('iceberg_tables')
                ) ORDER BY pid
                """,
                []
            ).rows
        }
        return (rows ?? []).map { row in
            let name = row[1] ?? ""
            return "session \(row[0] ?? "")" + (name.isEmpty ? "" : " (\(name))")
        }
    }
}

/// Statements within a transaction of a connection.
struct PostgresSession: SQLSession {
    let connection: PostgresConnection

    func rows(_ sql: String, _ arguments: [String?]) throws -> [[String?]] {
        try connection.run(Self.numbered(sql), arguments).rows
    }

    func run(_ sql: String, _ arguments: [String?]) throws -> Int {
        try connection.run(Self.numbered(sql), arguments).changed
    }

    func lockNames() throws { _ = try connection.runAll("SELECT pg_advisory_xact_lock(\(Self.namesLock))") }

    /// The number of the advisory lock on all names of the database's catalogs: "weir" in ASCII.
    static let namesLock: Int64 = 0x77_65_69_72

    /// `?1` becomes `$1`.
    static func numbered(_ sql: String) -> String { sql.replacing("?", with: "$") }
}
