import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Topology

extension Catalog {
    /// The properties of the topology's tables and joins that exist and can be loaded.
    func properties(of topology: Topology) throws(WeirError) -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        for name in topology.tables.map(\.name) + topology.joins.map(\.name) {
            let identifier = try TableIdentifier(name)
            // The run recreates a table whose creation did not finish.
            guard try exists(identifier), (try? MixedTable.isUnfinished(identifier, in: self)) == false else {
                continue
            }
            found[name] = try? load(identifier).properties
        }
        return found
    }
}
