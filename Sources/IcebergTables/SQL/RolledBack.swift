import GRDB

/// The error of a transaction that was certainly rolled back. If its journal is left, the next process that opens the
/// database rolls it back.
struct RolledBack: Error {
    let cause: DatabaseError

    /// Whether a commit that failed with this code certainly did not happen: it was refused before any write, or the
    /// disk was full while the journal still existed. After an I/O error the outcome is unknown.
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
    /// Runs a write transaction that takes the write lock at its beginning. Upgrading a read lock later could fail.
    /// The block says whether it is committed.
    ///
    /// Fails with `RolledBack` if it certainly changed nothing.
    func inImmediate<Result: Sendable>(
        _ body: @Sendable (Database) throws -> SQLVerdict<Result>
    ) throws -> Result {
        try writeWithoutTransaction { db in
            var result: Result?
            do {
                try db.inTransaction(.immediate) {
                    switch try body(db) {
                    case .commit(let value):
                        result = value
                        return .commit
                    case .rollBack(let value):
                        result = value
                        return .rollback
                    }
                }
            } catch let error as DatabaseError where result == nil || RolledBack.isCertain(error.resultCode) {
                throw RolledBack(cause: error)
            }
            guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            return result
        }
    }
}
