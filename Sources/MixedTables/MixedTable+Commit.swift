import Bytes
import ChangeEvents
import IcebergTables

extension MixedTable {
    /// The store that ingestion appends to.
    public var ingestStore: Table { change ?? base }

    /// Makes an epoch of several tables visible together with the source positions it covers: one append and one
    /// metadata file per store (spec section 6.1), all in one commit. An epoch without files only advances the positions
    /// and creates no snapshot.
    ///
    /// Without a claim, this must be the only writer. The commit fails with `conflict` if another one has committed
    /// positions of this topology or moved keys since this writer read the table, so that no row is counted twice and
    /// no key gets two rows. With a claim, other processes of the same topology may commit their partitions in between.
    /// The commit then fails with `fenced` if another process has claimed one of this writer's partitions, and with
    /// `conflict` if a foreign writer has moved keys. Maintenance of the change store conflicts with neither
    /// (`NeighbourCommits`).
    ///
    /// Other engines may commit to the base store of a keyed table at any time. If the epoch was written against an
    /// older base, it gets deletes for the keys that it shares with the rows they added. A row that base has when the
    /// epoch becomes visible is never duplicated.
    ///
    /// If one table is refused, no table is changed. After an error other than `unknownState` the files of all epochs
    /// are deleted.
    ///
    /// - Parameters:
    ///   - epochs: at most one per table; all tables are of one catalog.
    ///   - onRetry: called before each attempt but the first one. Others have then changed one of the tables, or base of
    ///     one, since this process looked at it.
    /// - Returns: the tables after the commit, in the same order.
    public static func commit(
        _ epochs: [TableEpoch],
        onRetry: () -> Void = {}
    ) throws(WeirError) -> [MixedTable] {
        var epochs = epochs
        do throws(WeirError) {
            for _ in 0..<attemptsMax {
                for index in epochs.indices {
                    do throws(WeirError) {
                        try epochs[index].followBase()
                    } catch {
                        throw epochs[index].title.map { error.located(at: $0) } ?? error
                    }
                }
                do throws(WeirError) {
                    return try commitOnce(epochs, onRetry)
                } catch {
                    // A base store has changed since its epoch was adapted to it: adapt it again.
                    guard error == TableEpoch.baseMoved else { throw error }
                    onRetry()
                }
            }
            let names = epochs.filter(\.dependsOnBase).map { $0.table.identifier.description }
            throw WeirError(
                .conflict,
                "other engines have changed the base store of \(names.joined(separator: " or ")) before each of "
                    + "\(attemptsMax) commits",
                advice: "have them commit less often"
            )
        } catch {
            if error.code != .unknownState {
                for epoch in epochs { epoch.epoch.discard(from: epoch.table.ingestStore) }
            }
            throw error
        }
    }

    /// How often an epoch is adapted to a base store that moves.
    private static let attemptsMax = 100

    private static func commitOnce(
        _ epochs: [TableEpoch],
        _ onRetry: () -> Void
    ) throws(WeirError) -> [MixedTable] {
        var all = MultiTableTransaction()
        for epoch in epochs { for transaction in epoch.transactions() { all.add(transaction) } }
        let stores = Dictionary(uniqueKeysWithValues: try all.commit(onRetry: onRetry).map { ($0.identifier, $0) })
        return epochs.map { epoch in
            let table = epoch.table
            let base = stores[table.base.identifier] ?? table.base
            let change = table.change.map { stores[$0.identifier] ?? $0 }
            return MixedTable(base: base, change: change, primaryKey: table.primaryKey)
        }
    }

    /// Commits an epoch of this table alone; see `commit(_:)` and `TableEpoch`.
    public func commit(
        _ epoch: Epoch,
        topology: String,
        from expected: PositionLedger,
        to ledger: PositionLedger,
        last: LastRecords = LastRecords(),
        claim: PartitionClaim? = nil,
        logStore progress: LogStoreProgress? = nil,
        routed note: PositionRoutes.Note? = nil,
        sharing: TableSharing? = nil
    ) throws(WeirError) -> MixedTable {
        var own = TableEpoch(epoch, of: self, topology: topology, from: expected, to: ledger)
        own.last = last
        own.claim = claim
        own.progress = progress
        own.note = note
        own.sharing = sharing
        return try Self.commit([own])[0]
    }

    /// Changes properties of the table, which are stored in the base store.
    public func changingProperties(_ set: [String: String], removing: [String]) throws(WeirError) -> MixedTable {
        var transaction = Transaction(try base.refreshed())
        transaction.retryPatiently()
        transaction.setProperties(set)
        transaction.removeProperties(removing)
        let base = try transaction.commit()
        return isKeyed
            ? MixedTable(base: base, change: change, primaryKey: primaryKey)
            : MixedTable(base: base, change: nil, primaryKey: [])
    }

    func with(_ store: Table) -> MixedTable {
        isKeyed
            ? MixedTable(base: base, change: store, primaryKey: primaryKey)
            : MixedTable(base: store, change: nil, primaryKey: [])
    }
}
