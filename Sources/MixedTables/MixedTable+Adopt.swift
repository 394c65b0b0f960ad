import Bytes
import ChangeEvents
import Foundation
import IcebergFormat
import IcebergTables

/// Renaming of topologies.
extension MixedTable {
    /// Moves all state that commits of one topology have left to another name, in one commit: positions, last records,
    /// routes, units, LogStore writers and claims. A process that still runs under the old name cannot commit
    /// afterwards. Does nothing when the old name has no state.
    ///
    /// If both names have a position for one partition, the higher one is used: everything before it is in the table.
    public func adopting(_ old: String, as new: String) throws(WeirError) -> MixedTable {
        guard holdsAnything(of: old) else { return self }
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            try Self.adopted(metadata.properties, identifier, old, new)
        }
        transaction.removeProperties(Self.topologyProperties.map { $0(old) })
        return with(try transaction.commit())
    }

    /// Whether the table holds state of a topology.
    public func holdsAnything(of topology: String) -> Bool {
        Self.topologyProperties.contains { ingestStore.properties[$0(topology)] != nil }
    }

    /// The recorded former names of a topology, newest first.
    public func formerNames(of topology: String) throws(WeirError) -> [String] {
        try Self.formerNames(of: topology, ingestStore.properties, identifier)
    }

    /// The properties that commits of a topology write, by its name.
    private static let topologyProperties: [@Sendable (String) -> String] = [
        { PositionLedger.propertyName(topology: $0) }, { LastRecords.propertyName(topology: $0) },
        { PositionRoutes.propertyName(topology: $0) }, { PartitionClaim.propertyName(topology: $0) },
        { LogStoreLedger.propertyName(topology: $0) }, { SourceUnits.propertyName(topology: $0) },
        { formerNamesProperty(of: $0) }, { OwnCommits.propertyName(topology: $0) },
    ]

    private static func formerNamesProperty(of topology: String) -> String { "weir.former-names.\(topology)" }

    private static func formerNames(
        of topology: String,
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> [String] {
        guard let text = properties[formerNamesProperty(of: topology)] else { return [] }
        guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) else {
            throw WeirError(.corrupt, "the former names of a topology are no list", at: "table \(identifier)")
        }
        return names
    }

    /// The properties of the new name, merged from both names.
    private static func adopted(
        _ properties: [String: String],
        _ identifier: TableIdentifier,
        _ old: String,
        _ new: String
    ) throws(WeirError) -> [String: String] {
        func both<Ledger: TopologyLedger>(_ type: Ledger.Type) throws(WeirError) -> (old: Ledger, new: Ledger) {
            (
                try stored(type, of: old, in: properties, identifier),
                try stored(type, of: new, in: properties, identifier)
            )
        }
        let positions = try both(PositionLedger.self)
        var merged = positions.new
        merged.merge(positions.old)
        let marks = try both(LastRecords.self)
        var last = LastRecords()
        for (marks, ledger) in [(marks.old, positions.old), (marks.new, positions.new)] {
            // If the other name is ahead, this name's last record does not directly precede the merged position.
            last.merge(marks.reached(by: ledger, from: merged), of: merged)
        }
        let routes = try both(PositionRoutes.self)
        var entries = PositionRoutes()
        for partition in merged.positions.keys {
            // If either name has received rows of the partition, its position holds for every route.
            let isHeld = { (ledger: PositionLedger, routes: PositionRoutes) in
                ledger.next(partition) != nil && routes[partition] == nil
            }
            if isHeld(positions.old, routes.old) || isHeld(positions.new, routes.new) { continue }
            entries[partition] = routes.new[partition] ?? routes.old[partition]
        }
        let claims = try both(PartitionClaim.self)
        var newest = claims.new.numbers
        newest.merge(claims.old.numbers)
        var writers = try both(LogStoreLedger.self)
        writers.new.upstreams.merge(writers.old.upstreams) { own, _ in own }
        var units = try both(SourceUnits.self)
        units.new.merge(units.old, overriding: false)
        let names = (
            old: try formerNames(of: old, properties, identifier), new: try formerNames(of: new, properties, identifier)
        )
        var former: [String] = []
        for name in [old] + names.old + names.new where name != new && !former.contains(name) { former.append(name) }
        let list = (try? JSONEncoder().encode(former)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
        var result = [
            PositionLedger.propertyName(topology: new): merged.json,
            LastRecords.propertyName(topology: new): last.json,
            formerNamesProperty(of: new): list,
        ]
        if !entries.isEmpty || properties[PositionRoutes.propertyName(topology: new)] != nil {
            result[PositionRoutes.propertyName(topology: new)] = entries.json
        }
        if !newest.isEmpty { result[PartitionClaim.propertyName(topology: new)] = newest.json }
        if !writers.new.upstreams.isEmpty { result[LogStoreLedger.propertyName(topology: new)] = writers.new.json }
        if !units.new.isEmpty { result[SourceUnits.propertyName(topology: new)] = units.new.json }
        return result
    }
}
