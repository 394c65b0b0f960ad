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
        let names = (
            positions: PositionLedger.propertyName(topology: topology),
            last: LastRecords.propertyName(topology: topology)
        )
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.require { (metadata) throws(WeirError) in
            try Self.checkOwner(metadata, identifier, topology, expected, claim)
        }
        transaction.setProperties { (metadata) throws(WeirError) in
            var ledger = try Self.ledger(names.positions, metadata.properties, identifier)
            var last = try Self.lastRecords(names.last, metadata.properties, identifier)
            for (topic, partitions) in positions.positions {
                for (partition, next) in partitions {
                    // Nobody owns a partition that was removed. If it exists again, another process owns it.
                    let isHeld = claim.map { $0.numbers.next(topic: topic, partition: partition) != nil } ?? true
                    let current = ledger.next(topic: topic, partition: partition)
                    if !isHeld, current != expected.next(topic: topic, partition: partition) { continue }
                    ledger.move(topic: topic, partition: partition, to: next)
                    last.remove(topic: topic, partition: partition)
                }
            }
            return [names.positions: ledger.json, names.last: last.json]
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
        let isHeld = { @Sendable (topic: String, partition: Int) in
            claim.map { $0.numbers.next(topic: topic, partition: partition) != nil } ?? true
        }
        let known = try positionRoutes(topology: topology)
        guard known.stale(for: route).contains(where: { isHeld($0.topic, $0.partition) }) else { return self }
        let expected = try ledger(topology: topology)
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.require { (metadata) throws(WeirError) in
            try Self.checkOwner(metadata, identifier, topology, expected, claim)
        }
        transaction.setProperties { (metadata) throws(WeirError) in
            let names = (
                positions: PositionLedger.propertyName(topology: topology),
                last: LastRecords.propertyName(topology: topology)
            )
            var ledger = try Self.ledger(names.positions, metadata.properties, identifier)
            var last = try Self.lastRecords(names.last, metadata.properties, identifier)
            var routes = try Self.positionRoutes(topology: topology, metadata.properties, identifier)
            for (topic, partition, entry) in routes.stale(for: route) where isHeld(topic, partition) {
                if let from = entry.from, keepsStart(topic) {
                    ledger.move(topic: topic, partition: partition, to: from)
                    routes[topic, partition] = PositionRoutes.Entry(route: route, from: from)
                } else {
                    ledger.remove(topic: topic, partition: partition)
                    routes[topic, partition] = nil
                }
                last.remove(topic: topic, partition: partition)
            }
            return [
                names.positions: ledger.json, names.last: last.json,
                PositionRoutes.propertyName(topology: topology): routes.json,
            ]
        }
        return with(try transaction.commit())
    }
}
