import Bytes
import Columnar
import IcebergFormat

/// What a scan takes for a column that a data file lacks: the one home of the spec's "Column Projection".
///
/// In this order: the partition value, where the file's own partition spec has the column's identity; the column that
/// `schema.name-mapping.default` names, in a file without field ids; the column's `initial-default`; null.
public struct ColumnProjection: Sendable {
    /// By spec: the places of identities among the partition values.
    private let identities: [Int: [(place: Int, column: Int)]]
    /// What a file without any identity is read with.
    private let plain: FileColumns

    public init(_ metadata: TableMetadata) throws(WeirError) {
        let names = try metadata.properties[NameMapping.property].map { (text) throws(WeirError) in
            try NameMapping(parsing: text).names
        }
        // A default never changes once its column was added; columns that are gone since may still be asked for.
        var defaults: [Int: Scalar] = [:]
        for schema in metadata.schemas + [metadata.currentSchema] {
            defaults.merge(try schema.initialDefaults()) { $1 }
        }
        var identities: [Int: [(place: Int, column: Int)]] = [:]
        for spec in metadata.specs {
            let places = spec.fields.enumerated().filter { $0.element.transform == .identity }
            identities[spec.id] = places.map { ($0.offset, $0.element.sourceId) }
        }
        self.identities = identities
        plain = FileColumns(names: names, substitutes: defaults)
    }

    /// How the columns of a data file are found.
    public func columns(of file: DataFile) -> FileColumns {
        guard let identities = identities[file.specId], !identities.isEmpty else { return plain }
        var columns = plain
        for (place, column) in identities where place < file.partition.count {
            // A null here is a value too: it stands before the default.
            columns.substitutes[column] = file.partition[place]
        }
        return columns
    }
}
