import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// What the integers of source columns count.
extension MixedTable {
    /// The units that the table's rows were read with, as far as a schema block did not say them.
    public func sourceUnits(topology: String) throws(WeirError) -> SourceUnits {
        try Self.sourceUnits(topology: topology, ingestStore.properties, identifier)
    }

    /// Keeps units, before the first row is read with them.
    ///
    /// - Parameter overriding: whether they hold in place of those the table has. If not, whoever commits first has said
    ///   it for all: look what the result holds.
    public func keeping(
        _ units: SourceUnits,
        overriding: Bool,
        topology: String
    ) throws(WeirError) -> MixedTable {
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            var held = try Self.sourceUnits(topology: topology, metadata.properties, identifier)
            held.merge(units, overriding: overriding)
            return [SourceUnits.propertyName(topology: topology): held.json]
        }
        return with(try transaction.commit())
    }
}
