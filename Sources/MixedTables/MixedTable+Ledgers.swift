import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// What commits leave in a table's properties.
extension MixedTable {
    /// How far a topology has got in its sources, as the last commit says.
    public func ledger(topology: String) throws(WeirError) -> PositionLedger {
        try Self.ledger(PositionLedger.propertyName(topology: topology), ingestStore.properties, identifier)
    }

    /// The last records of a topology's sources that the table has taken in.
    public func lastRecords(topology: String) throws(WeirError) -> LastRecords {
        try Self.lastRecords(LastRecords.propertyName(topology: topology), ingestStore.properties, identifier)
    }

    /// What the last commit says of the table's LogStore.
    public func logStoreLedger(topology: String) throws(WeirError) -> LogStoreLedger {
        try Self.logStoreLedger(topology: topology, ingestStore.properties, identifier)
    }

    /// The same of every topology that writes the table.
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
        guard let text = properties[property] else { return PositionLedger() }
        do {
            return try PositionLedger(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    static func lastRecords(
        _ property: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> LastRecords {
        guard let text = properties[property] else { return LastRecords() }
        do {
            return try LastRecords(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    static func logStoreLedger(
        topology: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> LogStoreLedger {
        guard let text = properties[LogStoreLedger.propertyName(topology: topology)] else { return LogStoreLedger() }
        do {
            return try LogStoreLedger(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }
}
