import Bytes
import ChangeEvents
import IcebergFormat
import IcebergTables

/// The units of integers in source columns.
extension MixedTable {
    /// The units that the table's rows were read with, where no schema block gave them.
    public func sourceUnits(topology: String) throws(WeirError) -> SourceUnits {
        try stored(SourceUnits.self, of: topology)
    }

    /// Stores units before the first row is read with them.
    ///
    /// - Parameter overriding: whether they replace the units that the table has. If not, the first commit wins: use
    ///   the units of the returned table.
    public func keeping(
        _ units: SourceUnits,
        overriding: Bool,
        topology: String
    ) throws(WeirError) -> MixedTable {
        let identifier = self.identifier
        var transaction = Transaction(ingestStore)
        transaction.retryPatiently()
        transaction.setProperties { (metadata) throws(WeirError) in
            var held = try Self.stored(SourceUnits.self, of: topology, in: metadata.properties, identifier)
            held.merge(units, overriding: overriding)
            return [SourceUnits.propertyName(topology: topology): held.json]
        }
        return with(try transaction.commit())
    }
}
