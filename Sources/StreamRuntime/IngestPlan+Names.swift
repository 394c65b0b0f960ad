import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Topology

/// The tables a topology writes, and which topology owns them.
extension IngestPlan {
    /// The names of the tables that a topology writes; tables that are only used for lookups belong to others.
    static func writtenNames(of topology: Topology) -> [String] {
        topology.tables.map(\.name).filter { topology.mayRoute(to: $0) } + topology.joins.map(\.name)
    }

    /// The table; nil when it does not exist or its creation is unfinished.
    static func writtenTable(_ name: String, in catalog: any Catalog) throws(WeirError) -> MixedTable? {
        let identifier = try TableIdentifier(name)
        guard try catalog.exists(identifier), try !MixedTable.isUnfinished(identifier, in: catalog) else { return nil }
        return try MixedTable.load(identifier, from: catalog)
    }

    static func writtenTables(of topology: Topology, in catalog: any Catalog) throws(WeirError) -> [MixedTable] {
        var tables: [MixedTable] = []
        for name in writtenNames(of: topology) {
            if let table = try writtenTable(name, in: catalog) { tables.append(table) }
        }
        return tables
    }

    /// Fails when an existing table belongs to another topology.
    static func checkSharing(
        _ name: String,
        of topology: Topology,
        in catalog: any Catalog
    ) throws(WeirError) {
        guard let table = try writtenTable(name, in: catalog) else { return }
        do {
            try TableSharing(topology).check(table.ingestStore.properties, of: table.identifier)
        } catch {
            guard let advice = error.advice, topology.joins.contains(where: { $0.lookup == name }) else { throw error }
            let isLookup = "; if rows are only looked up in it here, let no route lead to it"
            throw WeirError(error.code, error.message, at: error.location, advice: advice + isLookup)
        }
    }

    /// Transfers the tables of a topology from its former name, with one commit per table. It is idempotent: the next
    /// call completes an interrupted one. The topology must not run under either name meanwhile.
    ///
    /// Fails with `notFound` when no table knows the name.
    ///
    /// - Returns: the tables that were transferred.
    @discardableResult
    public static func adopt(
        _ former: String,
        for topology: Topology,
        catalog: any Catalog
    ) throws(WeirError) -> [TableIdentifier] {
        if former == topology.name {
            throw WeirError(.invalid, "'\(former)' is the topology's own name", advice: "name the one it had before")
        }
        let tables = try writtenTables(of: topology, in: catalog)
        var names: Set<String> = []
        for table in tables {
            names.formUnion(try table.positionHolders())
            names.formUnion(try table.formerNames(of: topology.name))
        }
        let known = tables.filter { $0.holdsAnything(of: former) }
        guard !known.isEmpty || names.contains(former) else {
            names.remove(topology.name)
            let list = names.sorted().joined(separator: ", ")
            let known = names.isEmpty ? "they hold those of no other topology" : "they hold those of \(list)"
            throw WeirError(
                .notFound,
                "no table of topology '\(topology.name)' holds the positions of a topology '\(former)'",
                advice: NearestName.advice(for: former, among: names.sorted()) ?? known
            )
        }
        for table in known { _ = try table.adopting(former, as: topology.name) }
        return known.map(\.identifier)
    }

    /// The former names of a topology that its tables record.
    public static func formerNames(
        of topology: Topology,
        catalog: any Catalog
    ) throws(WeirError) -> [String] {
        var names: [String] = []
        for table in try writtenTables(of: topology, in: catalog) {
            for name in try table.formerNames(of: topology.name) where !names.contains(name) { names.append(name) }
        }
        return names
    }
}

extension TableSharing {
    init(_ topology: Topology) {
        self.init(
            topology: topology.name,
            partners: Set(topology.pipeline.sharesTablesWith),
            reads: { topic in topology.sources.contains { $0.reads(topic: topic) } }
        )
    }
}
