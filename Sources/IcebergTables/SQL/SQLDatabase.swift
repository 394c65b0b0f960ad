import Bytes

/// What a SQL catalog needs of its database. Each implementation brings its own locking, waiting and error texts.
protocol SQLDatabase: Sendable {
    /// Where the database is, for errors; without secrets.
    var location: String { get }

    /// Runs queries that see one state of the database.
    func read<Result: Sendable>(
        _ body: @Sendable (any SQLSession) throws -> Result
    ) throws(WeirError) -> Result

    /// Runs statements in one transaction, which is rolled back if the block throws or asks for it.
    ///
    /// After an error for which `WeirError.certainlyDidNothing` holds, nothing has changed and nothing will. After any
    /// other error of the database the outcome is unknown. A `WeirError` of the block is passed on.
    func write<Result: Sendable>(
        _ body: @Sendable (any SQLSession) throws -> SQLVerdict<Result>
    ) throws(WeirError) -> Result

    /// Waits until every write of this process whose outcome was unknown has taken effect or never will. False if the
    /// database cannot tell.
    func settle() throws(WeirError) -> Bool
}

/// How a transaction ends.
enum SQLVerdict<Result: Sendable>: Sendable {
    case commit(Result)
    case rollBack(Result)
}

/// A database connection within a transaction. Parameters are written `?1`, `?2`, …; every value is a text.
protocol SQLSession {
    func rows(_ sql: String, _ arguments: [String?]) throws -> [[String?]]
    /// Runs a statement and returns the number of rows that it changed.
    func run(_ sql: String, _ arguments: [String?]) throws -> Int
    /// Keeps other writers from adding and removing names until the transaction ends.
    func lockNames() throws
}

extension SQLSession {
    /// The first column of a query.
    func texts(_ sql: String, _ arguments: [String?]) throws -> [String] {
        try rows(sql, arguments).compactMap { $0.first ?? nil }
    }
}
