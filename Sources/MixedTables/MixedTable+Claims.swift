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
        _ partitions: Set<TopicPartition>,
        topology: String,
        logStore progress: LogStoreProgress? = nil
    ) throws(WeirError) -> (table: MixedTable, claim: PartitionClaim) {
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            let newest = try Self.stored(PartitionClaim.self, of: topology, in: metadata.properties, identifier)
            var properties = [PartitionClaim.propertyName(topology: topology): newest.taking(partitions).json]
            if let progress {
                var all = try Self.stored(LogStoreLedger.self, of: topology, in: metadata.properties, identifier)
                all.upstreams[progress.upstream] = progress.state
                properties[LogStoreLedger.propertyName(topology: topology)] = all.json
            }
            return properties
        }
        let table = with(try transaction.commit())
        return (table, try table.stored(PartitionClaim.self, of: topology).restricted(to: partitions))
    }

    /// Marks LogStore upstreams as ended, after their uncommitted records were retracted.
    public func endingUpstreams(_ names: [String], topology: String) throws(WeirError) -> MixedTable {
        if names.isEmpty { return self }
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            var all = try Self.stored(LogStoreLedger.self, of: topology, in: metadata.properties, identifier)
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
        let found = try stored(PositionLedger.self, of: topology, in: metadata.properties, identifier)
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
        let newest = try stored(PartitionClaim.self, of: topology, in: metadata.properties, identifier)
        if let lost = claim.firstLost(in: newest) { throw fenced(identifier, topology, lost) }
        for partition in claim.numbers.positions.keys where found.next(partition) != expected.next(partition) {
            throw fenced(identifier, topology, partition)
        }
    }

    static func fenced(
        _ identifier: TableIdentifier,
        _ topology: String,
        _ partition: TopicPartition
    ) -> WeirError {
        WeirError(
            .fenced,
            "\(partition) was taken over by another process of topology '\(topology)'",
            at: "table \(identifier)",
            advice: "what this process had read of it and not committed is read again by the other one"
        )
    }
}
