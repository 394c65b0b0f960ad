import Bytes
import ChangeEvents
import IcebergTables

extension MixedTable {
    /// Sets positions to where reading goes on in logs that were made anew, back or forward, and forgets the last records
    /// of the old ones. Rows stay as they are.
    ///
    /// Fails with `fenced` when another process has taken one of the partitions over.
    ///
    /// - Parameter claim: the partitions that belong to this process; nil for all.
    public func moving(
        to positions: PositionLedger,
        topology: String,
        claim: PartitionClaim?
    ) throws(WeirError) -> MixedTable {
        let names = (
            positions: PositionLedger.propertyName(topology: topology),
            claims: PartitionClaim.propertyName(topology: topology),
            last: LastRecords.propertyName(topology: topology)
        )
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            let newest = PartitionClaim(try Self.ledger(names.claims, metadata.properties, identifier))
            if let lost = claim?.firstLost(in: newest) {
                throw Self.fenced(identifier, topology, lost.topic, lost.partition)
            }
            var ledger = try Self.ledger(names.positions, metadata.properties, identifier)
            var last = try Self.lastRecords(names.last, metadata.properties, identifier)
            for (topic, partitions) in positions.positions {
                for (partition, next) in partitions {
                    ledger.move(topic: topic, partition: partition, to: next)
                    last.remove(topic: topic, partition: partition)
                }
            }
            return [names.positions: ledger.json, names.last: last.json]
        }
        return with(try transaction.commit())
    }
}
