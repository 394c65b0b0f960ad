import Bytes
import IcebergFormat
import IcebergTables

extension MixedTable {
    /// Whether a table's creation was interrupted: its base store exists and names a change store that is not in the
    /// catalog. Creating the table again completes it.
    public static func isUnfinished(_ identifier: TableIdentifier, in catalog: any Catalog) throws(WeirError) -> Bool {
        let base = try catalog.load(identifier)
        guard TableMarkers.isBase(base.properties), let change = base.properties[TableMarkers.changeIdentifier] else {
            return false
        }
        return try !catalog.exists(TableIdentifier(change))
    }
}
