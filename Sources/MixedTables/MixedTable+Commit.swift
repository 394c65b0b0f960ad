import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// The store that ingestion appends to.
    public var ingestStore: Table { change ?? base }

    /// How far a topology has got in its sources, as the last commit says.
    public func ledger(topology: String) throws(WeirError) -> PositionLedger {
        try Self.ledger(topology: topology, properties: ingestStore.properties, of: identifier)
    }

    private static func ledger(
        topology: String,
        properties: [String: String],
        of identifier: TableIdentifier
    ) throws(WeirError) -> PositionLedger {
        guard let text = properties[PositionLedger.propertyName(topology: topology)] else { return PositionLedger() }
        do {
            return try PositionLedger(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    /// Makes an epoch visible together with the source positions it covers: one append, one metadata commit
    /// (spec section 6.1). An epoch without files only moves the positions and makes no snapshot.
    ///
    /// Refused with `conflict` when a second writer has committed since this one read the table, so that no row is counted
    /// twice and no key gets two rows.
    ///
    /// - Parameter expected: the ledger this writer read or committed last.
    public func commit(
        _ epoch: Epoch,
        topology: String,
        from expected: PositionLedger,
        to ledger: PositionLedger
    ) throws(WeirError) -> MixedTable {
        let store = ingestStore
        let name = PositionLedger.propertyName(topology: topology)
        let identifier = self.identifier
        let lastSnapshot = store.metadata.currentSnapshot?.id
        let isKeyed = self.isKeyed
        var transaction = Transaction(store)
        transaction.require { (metadata) throws(WeirError) in
            let found = try Self.ledger(topology: topology, properties: metadata.properties, of: identifier)
            guard found == expected else {
                throw WeirError(
                    .conflict,
                    "another process has committed to \(identifier) for topology '\(topology)'",
                    advice: "run one process per topology; this one stops and has made nothing visible"
                )
            }
            // The epoch was written against the keys the table had; other changes since may have moved or removed them.
            guard !isKeyed || epoch.isEmpty || metadata.currentSnapshot?.id == lastSnapshot else {
                throw WeirError(
                    .conflict,
                    "another writer has changed \(identifier) since this one read its keys",
                    advice: "start again, and keep one writer per keyed table"
                )
            }
        }
        if !epoch.isEmpty {
            transaction.append(epoch.files, summary: ["snapshot.producer": "INGESTION", name: ledger.json])
        }
        transaction.setProperties([name: ledger.json])
        let committed = try transaction.commit()
        return isKeyed
            ? MixedTable(base: base, change: committed, primaryKey: primaryKey)
            : MixedTable(base: committed, change: nil, primaryKey: [])
    }
}
