import Bytes
import Columnar
import IcebergFormat

/// The value a scan uses for a column that a data file lacks. Implements "Column Projection" of the Iceberg spec.
///
/// In this order: the partition value, if the file's partition spec has an identity transform of the column; the column
/// that `schema.name-mapping.default` names, in a file without field ids; the column's `initial-default`; null.
public struct ColumnProjection: Sendable {
    /// By spec id: the positions of identity-transformed columns in the partition tuple.
    private let identities: [Int: [(field: Int, column: Int)]]
    /// Used for files whose spec has no identity transform.
    private let plain: FileColumns

    public init(_ metadata: TableMetadata) throws(WeirError) {
        let names = try metadata.properties[NameMapping.property].map { (text) throws(WeirError) in
            try NameMapping(parsing: text).names
        }
        // A column's default never changes after it was added. Include all schemas: a scan may read a dropped column.
        var defaults: [Int: Scalar] = [:]
        for schema in metadata.schemas + [metadata.currentSchema] {
            defaults.merge(try schema.initialDefaults()) { $1 }
        }
        var identities: [Int: [(field: Int, column: Int)]] = [:]
        for spec in metadata.specs {
            let fields = spec.fields.enumerated().filter { $0.element.transform == .identity }
            identities[spec.id] = fields.map { ($0.offset, $0.element.sourceId) }
        }
        self.identities = identities
        plain = FileColumns(names: names, substitutes: defaults)
    }

    /// How the columns of a data file are resolved.
    public func columns(of file: DataFile) -> FileColumns {
        guard let identities = identities[file.specId], !identities.isEmpty else { return plain }
        var columns = plain
        for (field, column) in identities where field < file.partition.count {
            // A null partition value is a value too: it takes precedence over the default.
            columns.substitutes[column] = file.partition[field]
        }
        return columns
    }
}
