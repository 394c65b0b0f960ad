import Bytes
import ChangeEvents
import IcebergTables

extension MixedTable {
    /// Sets the positions in recreated logs, backward or forward, and removes the last records of the old logs. Rows
    /// are not changed.
    ///
    /// Fails like `commit` if another process has committed or has taken over one of the partitions.
    ///
    /// - Parameters:
    ///   - expected: the ledger that this writer read or committed last.
    ///   - claim: the partitions that belong to this process; nil for all.
    public func moving(
        to positions: PositionLedger,
        topology: String,
        from expected: PositionLedger,
        claim: PartitionClaim?
    ) throws(WeirError) -> MixedTable {
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.require { (metadata) throws(WeirError) in
            try Self.checkOwner(metadata, identifier, topology, expected, claim)
        }
        transaction.setProperties { (metadata) throws(WeirError) in
            var ledger = try Self.stored(PositionLedger.self, of: topology, in: metadata.properties, identifier)
            var last = try Self.stored(LastRecords.self, of: topology, in: metadata.properties, identifier)
            for (partition, next) in positions.positions {
                // Nobody owns a partition that was removed. If it exists again, another process owns it.
                let isHeld = claim?.contains(partition) ?? true
                if !isHeld, ledger.next(partition) != expected.next(partition) { continue }
                ledger.move(partition, to: next)
                last.remove(partition)
            }
            return [
                PositionLedger.propertyName(topology: topology): ledger.json,
                LastRecords.propertyName(topology: topology): last.json,
            ]
        }
        return with(try transaction.commit())
    }

    /// Removes positions that were recorded for another route and have brought no row. The records of the new route are
    /// then read from the beginning of the log, or from where the topology began.
    ///
    /// - Parameters:
    ///   - claim: the partitions that belong to this process; nil for all.
    ///   - keepsStart: whether a topic is read from where the topology began.
    public func forgettingPositions(
        notOf route: String,
        topology: String,
        claim: PartitionClaim?,
        keepsStart: @escaping @Sendable (_ topic: String) -> Bool
    ) throws(WeirError) -> MixedTable {
        let isHeld = { @Sendable (partition: TopicPartition) in claim?.contains(partition) ?? true }
        let known = try positionRoutes(topology: topology)
        guard known.stale(for: route).keys.contains(where: isHeld) else { return self }
        let expected = try ledger(topology: topology)
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.require { (metadata) throws(WeirError) in
            try Self.checkOwner(metadata, identifier, topology, expected, claim)
        }
        transaction.setProperties { (metadata) throws(WeirError) in
            var ledger = try Self.stored(PositionLedger.self, of: topology, in: metadata.properties, identifier)
            var last = try Self.stored(LastRecords.self, of: topology, in: metadata.properties, identifier)
            var routes = try Self.stored(PositionRoutes.self, of: topology, in: metadata.properties, identifier)
            for (partition, entry) in routes.stale(for: route) where isHeld(partition) {
                if let from = entry.from, keepsStart(partition.topic) {
                    ledger.move(partition, to: from)
                    routes[partition] = PositionRoutes.Entry(route: route, from: from)
                } else {
                    ledger.remove(partition)
                    routes[partition] = nil
                }
                last.remove(partition)
            }
            return [
                PositionLedger.propertyName(topology: topology): ledger.json,
                LastRecords.propertyName(topology: topology): last.json,
                PositionRoutes.propertyName(topology: topology): routes.json,
            ]
        }
        return with(try transaction.commit())
    }
}
