import Bytes
import ChangeEvents
import EventLog
import MixedTables
import Topology
import Values

/// How many records of a table's topics come after its positions.
enum WaitingRecords {
    /// Of the sources of a topology. Positions are those of the table that is furthest: a table without new rows records
    /// its own once a minute.
    static func count(
        _ topology: Topology,
        _ locations: WarehouseLocations,
        of table: MixedTable
    ) throws(WeirError) -> Int64 {
        let logs = TopologyLogs(locations)
        var ledger = try table.ledger(topology: topology.name)
        for name in topology.tables.map(\.name) + topology.joins.map(\.name) {
            guard let other = try? locations.table(name) else { continue }
            ledger.merge(try other.ledger(topology: topology.name))
        }
        var count: Int64 = 0
        for source in topology.sources {
            let log = try logs.source(source)
            for topic in try log.topics() where source.reads(topic: topic) {
                count += try waiting(topic, try log.partitions(of: topic), in: log, after: ledger)
            }
        }
        return count
    }

    /// Of the topics of the warehouse's own log that the table has positions of; nil when it has none, or others too.
    static func count(_ locations: WarehouseLocations, of table: MixedTable) throws(WeirError) -> Int64? {
        let log = try locations.log()
        let topics = Set(try log.topics())
        var ledger = PositionLedger()
        for topology in table.topologies { ledger.merge(try table.ledger(topology: topology)) }
        let partitions = Dictionary(grouping: ledger.positions.keys, by: \.topic)
        guard !partitions.isEmpty, partitions.keys.allSatisfy({ topics.contains($0) }) else { return nil }
        var count: Int64 = 0
        for (topic, partitions) in partitions {
            count += try waiting(topic, partitions.map(\.partition), in: log, after: ledger)
        }
        return count
    }

    private static func waiting(
        _ topic: String,
        _ partitions: [Int],
        in log: any PartitionedLog,
        after ledger: PositionLedger
    ) throws(WeirError) -> Int64 {
        let ends = try log.endsAtOnce(topic: topic, partitions: partitions)
        var count: Int64 = 0
        for (partition, end) in ends {
            if let next = ledger.next(TopicPartition(topic: topic, partition: partition)) {
                count = count.addingClamped(max(0, end.subtractingClamped(next)))
            } else {
                count += max(0, end - (try log.offsets(topic: topic, partition: partition).earliest))
            }
        }
        return count
    }
}
