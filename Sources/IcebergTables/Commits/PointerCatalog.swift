import Bytes
import IcebergFormat

/// A catalog that keeps a pointer to every table's metadata file and leaves the files to its clients.
public protocol PointerCatalog: Catalog {
    /// Moves the pointers of several tables, all or none.
    ///
    /// After an error for which `WeirError.certainlyDidNothing` holds, nothing was moved and nothing will be. After any
    /// other error the outcome is unknown.
    ///
    /// - Returns: the tables for which another file is current. If there are any, nothing was moved.
    func swap(_ swaps: [PointerSwap]) throws(WeirError) -> [TableIdentifier]
}

/// The move of a table's pointer.
public struct PointerSwap: Hashable, Sendable {
    public let identifier: TableIdentifier
    /// The metadata file that must be current.
    public let old: String
    /// Nil to require only that `old` is current.
    public let new: String?

    public init(_ identifier: TableIdentifier, from old: String, to new: String?) {
        self.identifier = identifier
        self.old = old
        self.new = new
    }
}

extension PointerCatalog {
    public func commit(_ commits: [TableCommit], clock: TransactionClock) throws(WeirError) -> CommitOutcome {
        try PointerCommit(self, clock).run(commits)
    }
}
