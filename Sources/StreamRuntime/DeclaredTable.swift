import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import Topology

/// A table of a topology file: declared under `tables`, or the result of a join.
struct DeclaredTable {
    let declaration: Topology.Declaration
    let name: String
    let schema: Schema
    let primaryKey: [String]
    let partitions: [Topology.PartitionExpression]
    let properties: [String: String]

    init(_ table: Topology.Table) {
        declaration = .init(.tables, table.name)
        name = table.name
        schema = table.sinkSchema
        primaryKey = table.primaryKey
        partitions = table.partitions
        properties = table.properties
    }

    init(_ join: Topology.Join) {
        declaration = .init(.join, join.name)
        name = join.name
        schema = join.schema
        primaryKey = join.primaryKey
        partitions = join.partitions
        properties = join.properties
    }

    static func all(of topology: Topology) -> [DeclaredTable] {
        topology.tables.map { DeclaredTable($0) } + topology.joins.map { DeclaredTable($0) }
    }

    func definition() throws(WeirError) -> MixedTableDefinition {
        MixedTableDefinition(
            identifier: try TableIdentifier(name),
            schema: schema,
            partitionSpec: try PartitionSpec(parsing: partitions.map(\.description), schema: schema),
            primaryKey: primaryKey,
            properties: properties
        )
    }
}
