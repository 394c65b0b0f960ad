import Bytes
import IcebergFormat
import IcebergTables
import MixedTables
import Topology

extension Catalog {
    /// The properties of those tables and joins of a topology that are there and can be read.
    func properties(of topology: Topology) throws(WeirError) -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        for name in topology.tables.map(\.name) + topology.joins.map(\.name) {
            let identifier = try TableIdentifier(name)
            // One that was begun and not finished is made anew by the run.
            guard try exists(identifier), (try? MixedTable.isUnfinished(identifier, in: self)) == false else {
                continue
            }
            found[name] = try? load(identifier).properties
        }
        return found
    }
}
