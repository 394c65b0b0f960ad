import Bytes
import ChangeEvents
import IcebergFormat

/// The topologies that may write a table: the one whose positions it holds, and those that the table is shared with,
/// each with its own topics.
///
/// If two topologies read the same source records, their rows would be in the table twice. Writers that leave no
/// positions, such as other engines, do not count as topologies.
public struct TableSharing: Sendable {
    public let topology: String
    /// Topologies that may write the table as well.
    private let partners: Set<String>
    /// Whether the topology reads a topic.
    private let reads: @Sendable (_ topic: String) -> Bool

    public init(
        topology: String,
        partners: Set<String> = [],
        reads: @escaping @Sendable (_ topic: String) -> Bool = { _ in false }
    ) {
        self.topology = topology
        self.partners = partners
        self.reads = reads
    }

    /// Fails with `conflict` when a table holds positions of a topology that it is not shared with, or of one that has
    /// read a topic which this topology reads.
    public func check(_ properties: [String: String], of identifier: TableIdentifier) throws(WeirError) {
        for (other, positions) in try Self.holders(properties, identifier) where other != topology {
            guard partners.contains(other) else {
                throw WeirError(
                    .conflict,
                    "table \(identifier) holds the positions of topology '\(other)', and topology '\(topology)' would "
                        + "write the same rows once more",
                    advice: "if '\(other)' is its former name, start it once with 'weir run --adopt \(other)'; if both "
                        + "are to write the table, from different topics, set pipeline.shares-tables-with: [\(other)]"
                )
            }
            guard let topic = positions.topics.sorted().first(where: reads) else { continue }
            throw WeirError(
                .conflict,
                "table \(identifier) is shared by the topologies '\(other)' and '\(topology)', and both read topic "
                    + "'\(topic)': its rows would be there twice",
                advice: "let each topology read topics of its own; two that share one are one topology"
            )
        }
    }

    /// The topologies whose positions a table holds.
    static func holders(
        _ properties: [String: String],
        _ identifier: TableIdentifier
    ) throws(WeirError) -> [(name: String, positions: PositionLedger)] {
        var found: [(name: String, positions: PositionLedger)] = []
        for property in properties.keys.sorted() where property.hasPrefix(PositionLedger.propertyPrefix) {
            let topology = String(property.dropFirst(PositionLedger.propertyPrefix.count))
            let ledger = try MixedTable.stored(PositionLedger.self, of: topology, in: properties, identifier)
            if !ledger.isEmpty { found.append((topology, ledger)) }
        }
        return found
    }
}

extension MixedTable {
    /// The names of the topologies whose positions the table holds.
    public func positionHolders() throws(WeirError) -> [String] {
        try TableSharing.holders(ingestStore.properties, identifier).map(\.name)
    }
}
