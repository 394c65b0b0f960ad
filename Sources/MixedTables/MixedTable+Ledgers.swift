import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// State that commits store in table properties.
extension MixedTable {
    /// The source positions of a topology as of the last commit.
    public func ledger(topology: String) throws(WeirError) -> PositionLedger {
        try Self.ledger(PositionLedger.propertyName(topology: topology), ingestStore.properties, identifier)
    }

    /// The last records that the table has received from a topology's sources. Fails with `corrupt` if one is not
    /// before its position: one commit writes both, so one of them was changed since.
    public func lastRecords(topology: String) throws(WeirError) -> LastRecords {
        let name = LastRecords.propertyName(topology: topology)
        let last = try Self.lastRecords(name, ingestStore.properties, identifier)
        let positions = try ledger(topology: topology)
        for (topic, partitions) in last.marks {
            for (partition, mark) in partitions {
                let next = positions.next(topic: topic, partition: partition)
                if let next, mark.offset < next { continue }
                let position = next.map { "goes on at offset \($0)" } ?? "has no position"
                throw WeirError(
                    .corrupt,
                    "\(PositionLedger.propertyName(topology: topology)) of \(topic)/\(partition) \(position), but the last record "
                        + "taken in is the one at offset \(mark.offset)",
                    at: "table \(identifier)",
                    advice:
                        "one of them was changed; set the position to \(mark.offset) + 1 if that record's row is there"
                )
            }
        }
        return last
    }

    /// The routes that a topology's positions apply to, for partitions that have brought no row.
    public func positionRoutes(topology: String) throws(WeirError) -> PositionRoutes {
        try Self.positionRoutes(topology: topology, ingestStore.properties, identifier)
    }

    /// The LogStore state of a topology as of the last commit.
    public func logStoreLedger(topology: String) throws(WeirError) -> LogStoreLedger {
        try Self.logStoreLedger(topology: topology, ingestStore.properties, identifier)
    }

    /// The LogStore state of all topologies that write the table.
    public func logStoreLedger() throws(WeirError) -> LogStoreLedger {
        var all = LogStoreLedger()
        for name in ingestStore.properties.keys where name.hasPrefix(LogStoreLedger.propertyPrefix) {
            let topology = String(name.dropFirst(LogStoreLedger.propertyPrefix.count))
            all.upstreams.merge(try logStoreLedger(topology: topology).upstreams) { $1 }
        }
        return all
    }

    // MARK: Parsing

    static func ledger(
        _ property: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> PositionLedger {
        try parsed(properties[property], identifier) { (text) throws(WeirError) in try PositionLedger(json: text) }
            ?? PositionLedger()
    }

    static func lastRecords(
        _ property: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> LastRecords {
        try parsed(properties[property], identifier) { (text) throws(WeirError) in try LastRecords(json: text) }
            ?? LastRecords()
    }

    static func positionRoutes(
        topology: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> PositionRoutes {
        let text = properties[PositionRoutes.propertyName(topology: topology)]
        return try parsed(text, identifier) { (text) throws(WeirError) in try PositionRoutes(json: text) }
            ?? PositionRoutes()
    }

    static func sourceUnits(
        topology: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> SourceUnits {
        let text = properties[SourceUnits.propertyName(topology: topology)]
        return try parsed(text, identifier) { (text) throws(WeirError) in try SourceUnits(json: text) } ?? SourceUnits()
    }

    static func logStoreLedger(
        topology: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> LogStoreLedger {
        let text = properties[LogStoreLedger.propertyName(topology: topology)]
        return try parsed(text, identifier) { (text) throws(WeirError) in try LogStoreLedger(json: text) }
            ?? LogStoreLedger()
    }

    private static func parsed<Ledger>(
        _ text: String?,
        _ identifier: TableIdentifier,
        _ parse: (String) throws(WeirError) -> Ledger
    ) throws(WeirError) -> Ledger? {
        guard let text else { return nil }
        do {
            return try parse(text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }
}
