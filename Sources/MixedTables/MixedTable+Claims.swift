import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// Ownership of source partitions.
extension MixedTable {
    /// Claims partitions. After this commit, previous owners are fenced.
    ///
    /// - Parameter progress: the writer's new LogStore upstream. It is registered with its start, so that it can be
    ///   retracted if the writer ends before its first commit.
    /// - Returns: the table, and the claims on these partitions.
    public func claiming(
        _ partitions: [(topic: String, partition: Int)],
        topology: String,
        logStore progress: LogStoreProgress? = nil
    ) throws(WeirError) -> (table: MixedTable, claim: PartitionClaim) {
        let name = PartitionClaim.propertyName(topology: topology)
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            let newest = PartitionClaim(try Self.ledger(name, metadata.properties, identifier))
            var properties = [name: newest.taking(partitions).numbers.json]
            if let progress {
                var all = try Self.logStoreLedger(topology: topology, metadata.properties, identifier)
                all.upstreams[progress.upstream] = progress.state
                properties[LogStoreLedger.propertyName(topology: topology)] = all.json
            }
            return properties
        }
        let table = with(try transaction.commit())
        let all = PartitionClaim(try Self.ledger(name, table.ingestStore.properties, identifier))
        return (table, all.restricted(to: partitions))
    }

    /// Marks LogStore upstreams as ended, after their uncommitted records were retracted.
    public func endingUpstreams(_ names: [String], topology: String) throws(WeirError) -> MixedTable {
        if names.isEmpty { return self }
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            var all = try Self.logStoreLedger(topology: topology, metadata.properties, identifier)
            for name in names { all.upstreams[name]?.live = false }
            all.prune()
            return [LogStoreLedger.propertyName(topology: topology): all.json]
        }
        return with(try transaction.commit())
    }

    /// Fails with `fenced` when another process owns one of the claimed partitions. Without a claim, fails with
    /// `conflict` when another process has committed since.
    static func checkOwner(
        _ metadata: TableMetadata,
        _ identifier: TableIdentifier,
        _ topology: String,
        _ expected: PositionLedger,
        _ claim: PartitionClaim?
    ) throws(WeirError) {
        let positions = PositionLedger.propertyName(topology: topology)
        let found = try ledger(positions, metadata.properties, identifier)
        guard let claim else {
            guard found == expected else {
                throw WeirError(
                    .conflict,
                    "another process has committed to \(identifier) for topology '\(topology)'",
                    advice: "run one process per topology; this one stops and has made nothing visible"
                )
            }
            return
        }
        let claims = PartitionClaim.propertyName(topology: topology)
        let newest = PartitionClaim(try ledger(claims, metadata.properties, identifier))
        if let lost = claim.firstLost(in: newest) { throw fenced(identifier, topology, lost.topic, lost.partition) }
        for (topic, partitions) in claim.numbers.positions {
            for partition in partitions.keys
            where found.next(topic: topic, partition: partition) != expected.next(topic: topic, partition: partition) {
                throw fenced(identifier, topology, topic, partition)
            }
        }
    }

    static func fenced(
        _ identifier: TableIdentifier,
        _ topology: String,
        _ topic: String,
        _ partition: Int
    ) -> WeirError {
        WeirError(
            .fenced,
            "\(topic)/\(partition) was taken over by another process of topology '\(topology)'",
            at: "table \(identifier)",
            advice: "what this process had read of it and not committed is read again by the other one"
        )
    }
}
