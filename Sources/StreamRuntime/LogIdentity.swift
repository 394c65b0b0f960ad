import Bytes
import ChangeEvents
import EventLog
import IcebergFormat
import IcebergTables
import MixedTables
import Topology

/// Checks before a run whether the logs of a topology are still those that its tables' positions refer to.
public struct LogIdentity {
    /// How many partitions of a topic are checked.
    private static let partitionsMax = 8
    private static let waitMilliseconds = 1000

    private let tables: [(positions: PositionLedger, last: LastRecords)]
    private let hasSeveralSources: Bool
    /// The time units of integer source columns that the tables store.
    public let units: SourceUnits

    /// Reads the positions of the topology's existing tables.
    public init(_ topology: Topology, catalog: any Catalog) throws(WeirError) {
        var tables: [(positions: PositionLedger, last: LastRecords)] = []
        var units = SourceUnits()
        for name in topology.tables.map(\.name) + topology.joins.map(\.name) {
            let identifier = try TableIdentifier(name)
            guard try catalog.exists(identifier), try !MixedTable.isUnfinished(identifier, in: catalog) else {
                continue
            }
            let table = try MixedTable.load(identifier, from: catalog)
            tables.append(
                (try table.ledger(topology: topology.name), try table.lastRecords(topology: topology.name))
            )
            units.merge(try table.sourceUnits(topology: topology.name), overriding: false)
        }
        self.tables = tables
        self.units = units
        hasSeveralSources = topology.sources.count > 1
    }

    /// What has changed in a topic, if anything: its partitions, its end, or its records. Ends and records are checked
    /// for the first few partitions only.
    public func differences(
        _ source: Topology.Source,
        topic: String,
        in log: any PartitionedLog
    ) throws(WeirError) -> [WeirError] {
        var read = PositionLedger()
        for table in tables { read.merge(table.positions.restricted(to: topic)) }
        let partitions = try log.partitions(of: topic)
        var found: [WeirError] = []
        for (partition, position) in read.positions.sorted(by: { $0.key < $1.key }) {
            if position == 0 { continue }
            guard partitions.contains(partition.partition) else {
                found.append(error(SuspectedLog.vanished(partition, position), source))
                continue
            }
            if partition.partition >= Self.partitionsMax { continue }
            for table in tables {
                let verdict = try LogVerdict.of(
                    table.positions.next(partition),
                    table.last[partition],
                    in: log,
                    partition,
                    waitMilliseconds: Self.waitMilliseconds
                )
                guard case .stale(let sign) = verdict else { continue }
                found.append(error(sign, source))
                break
            }
        }
        return found
    }

    /// If the source has a rule for lost offsets, the advice is that a run follows it.
    private func error(_ sign: WeirError, _ source: Topology.Source) -> WeirError {
        switch source.onLostOffsets {
        case .fail: return SuspectedLog.error(sign, source: hasSeveralSources ? source.name : nil)
        case .earliest, .latest:
            let rule = "scan.on-lost-offsets: \(source.onLostOffsets.rawValue)"
            return WeirError(sign.code, sign.message, at: sign.location, advice: "a run goes on as \(rule) says")
        }
    }
}
