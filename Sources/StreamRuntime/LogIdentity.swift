import Bytes
import ChangeEvents
import EventLog
import IcebergFormat
import IcebergTables
import MixedTables
import Topology

/// Tells before a run whether the logs of a topology are still those that its tables have positions in.
public enum LogIdentity {
    /// Partitions of a topic that are looked at.
    private static let partitionsMax = 8

    /// What has changed in a topic, if anything: its partitions, its end, or its records.
    ///
    /// - Parameter timeoutMilliseconds: how long a broker may take to send a record.
    public static func differences(
        of topology: Topology,
        topic: String,
        in log: any PartitionedLog,
        catalog: any Catalog,
        timeoutMilliseconds: Int = 1000
    ) throws(WeirError) -> [WeirError] {
        var read = PositionLedger()
        var marks: [Int: Set<RecordMark>] = [:]
        for name in topology.tables.map(\.name) + topology.joins.map(\.name) {
            let identifier = try TableIdentifier(name)
            guard try catalog.exists(identifier), try !MixedTable.isUnfinished(identifier, in: catalog) else {
                continue
            }
            let table = try MixedTable.load(identifier, from: catalog)
            read.merge(try table.ledger(topology: topology.name).restricted(to: topic))
            for (partition, mark) in try table.lastRecords(topology: topology.name).marks[topic] ?? [:] {
                marks[partition, default: []].insert(mark)
            }
        }
        let partitions = try log.partitions(of: topic)
        var found: [WeirError] = []
        for (partition, position) in (read.positions[topic] ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard partitions.contains(partition) else {
                found.append(ReplacedPartition.error(ReplacedPartition.vanished(topic, partition, position)))
                continue
            }
            if partition >= Self.partitionsMax { continue }
            let (earliest, end) = try log.offsets(topic: topic, partition: partition)
            for mark in (marks[partition] ?? []).sorted(by: { $0.offset < $1.offset }) where mark.offset >= earliest {
                do throws(WeirError) {
                    let record = try record(at: mark.offset, topic, partition, end, log, timeoutMilliseconds)
                    guard let difference = record.flatMap({ mark.difference($0, topic, partition) }) else { continue }
                    found.append(ReplacedPartition.error(difference))
                } catch {
                    guard error.code == .invalid else { throw error }
                    found.append(ReplacedPartition.error(error))
                }
                break
            }
        }
        return found
    }

    /// Nil when there is none, or none has come within the time.
    private static func record(
        at offset: Int64,
        _ topic: String,
        _ partition: Int,
        _ end: Int64,
        _ log: any PartitionedLog,
        _ timeoutMilliseconds: Int
    ) throws(WeirError) -> RecordMark? {
        let reader = try log.reader(topic: topic, partition: partition, from: offset)
        var batch = try reader.next(maxBytes: 1)
        if batch == nil, offset < end, try reader.waitForRecords(timeoutMilliseconds: timeoutMilliseconds) {
            batch = try reader.next(maxBytes: 1)
        }
        return batch.flatMap { batch in
            batch.records.first { $0.offset == offset }.map { RecordMark($0, in: batch) }
        }
    }
}
