import Bytes
import IcebergFormat

/// What expiring the snapshots of a table has removed from its metadata.
public struct ExpiredSnapshots: Sendable, Equatable {
    /// Ids.
    public var snapshots: [Int64] = []
    /// Names of branches and tags.
    public var references: [String] = []

    public init() {}

    public var isEmpty: Bool { snapshots.isEmpty && references.isEmpty }
}

extension Table {
    /// Expires the snapshots, branches and tags that are due, as commits do on their way, without a new snapshot. Their
    /// files stay.
    ///
    /// - Parameter nowMs: milliseconds since 1970.
    /// - Returns: the table afterwards, which is this one if nothing was due.
    public func expiringSnapshots(nowMs: Int64) throws(WeirError) -> (table: Table, expired: ExpiredSnapshots) {
        var table = self
        var expired = ExpiredSnapshots()
        // One commit removes a part of a long history.
        while try !ExpiryPart(expiring: table.metadata, storage, nowMs: nowMs).updates.isEmpty {
            var transaction = Transaction(table)
            transaction.retryPatiently()
            let storage = storage
            transaction.update { (metadata) throws(WeirError) in
                try ExpiryPart(expiring: metadata, storage, nowMs: nowMs).updates
            }
            let before = table.metadata
            table = try transaction.commit()
            let left = Set(table.snapshots.map(\.id))
            let gone = before.snapshots.map(\.id).filter { !left.contains($0) }
            let names = before.references.keys.filter { table.metadata.references[$0] == nil }
            if gone.isEmpty && names.isEmpty { break }
            expired.snapshots += gone
            expired.references += names.sorted()
        }
        return (table, expired)
    }
}
