import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// State that commits store in table properties.
extension MixedTable {
    /// The topologies whose positions the table holds, sorted.
    public var topologies: [String] {
        let prefix = PositionLedger.propertyName(topology: "")
        return ingestStore.properties.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .sorted()
    }

    /// The source positions of a topology as of the last commit.
    public func ledger(topology: String) throws(WeirError) -> PositionLedger {
        try stored(PositionLedger.self, of: topology)
    }

    /// The last records that the table has received from a topology's sources. Fails with `corrupt` if one is not
    /// before its position: one commit writes both, so one of them was changed since.
    public func lastRecords(topology: String) throws(WeirError) -> LastRecords {
        let last = try stored(LastRecords.self, of: topology)
        let positions = try ledger(topology: topology)
        for (partition, mark) in last.marks {
            let next = positions.next(partition)
            if let next, mark.offset < next { continue }
            let position = next.map { "goes on at offset \($0)" } ?? "has no position"
            throw WeirError(
                .corrupt,
                "\(PositionLedger.propertyName(topology: topology)) of \(partition) \(position), but the last record "
                    + "taken in is the one at offset \(mark.offset)",
                at: "table \(identifier)",
                advice: "one of them was changed; set the position to \(mark.offset) + 1 if that record's row is there"
            )
        }
        return last
    }

    /// The routes that a topology's positions apply to, for partitions that have brought no row.
    public func positionRoutes(topology: String) throws(WeirError) -> PositionRoutes {
        try stored(PositionRoutes.self, of: topology)
    }

    /// The LogStore state of a topology as of the last commit.
    public func logStoreLedger(topology: String) throws(WeirError) -> LogStoreLedger {
        try stored(LogStoreLedger.self, of: topology)
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

    /// None if the property is damaged: the files of the table then tell the same, with more to read.
    static func ownCommits(
        of topology: String,
        in metadata: TableMetadata,
        _ identifier: TableIdentifier
    ) throws(WeirError) -> OwnCommits {
        do {
            return try stored(OwnCommits.self, of: topology, in: metadata.properties, identifier)
        } catch  where error.code == .corrupt {
            return OwnCommits()
        }
    }

    /// What the properties hold of a topology; an empty ledger if there is none.
    static func stored<Ledger: TopologyLedger>(
        _ type: Ledger.Type,
        of topology: String,
        in properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> Ledger {
        guard let text = properties[Ledger.propertyName(topology: topology)] else { return Ledger() }
        do {
            return try Ledger(json: text)
        } catch {
            throw error.located(at: "table \(identifier)")
        }
    }

    func stored<Ledger: TopologyLedger>(_ type: Ledger.Type, of topology: String) throws(WeirError) -> Ledger {
        try Self.stored(type, of: topology, in: ingestStore.properties, identifier)
    }
}
