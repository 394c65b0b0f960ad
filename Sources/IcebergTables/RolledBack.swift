import GRDB

/// The failure of a transaction that is not there: its journal, if any is left, is rolled back by whoever opens the
/// database next.
struct RolledBack: Error {
    let cause: DatabaseError

    /// Whether a commit that fails so has not happened: what was refused before anything was written, and space that ran
    /// out while the journal stood. After a failure to read or write nobody knows.
    static func isCertain(_ code: ResultCode) -> Bool {
        switch code {
        case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN, .SQLITE_CONSTRAINT, .SQLITE_BUSY,
            .SQLITE_LOCKED:
            true
        default: false
        }
    }
}

extension DatabaseQueue {
    /// A write transaction that takes the lock when it begins: reading first and then upgrading could fail half-way.
    ///
    /// Fails with `RolledBack` where it has certainly changed nothing.
    func inImmediate<Result: Sendable>(
        _ body: @Sendable (Database) throws -> Result
    ) throws -> Result {
        try writeWithoutTransaction { db in
            var result: Result?
            do {
                try db.inTransaction(.immediate) {
                    result = try body(db)
                    return .commit
                }
            } catch let error as DatabaseError where result == nil || RolledBack.isCertain(error.resultCode) {
                throw RolledBack(cause: error)
            }
            guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            return result
        }
    }
}
