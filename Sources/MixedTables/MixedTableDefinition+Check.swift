import Bytes
import Columnar
import IcebergFormat

extension MixedTableDefinition {
    /// Compares an existing table with the declaration and fails with `invalid` if they differ. Columns that are not
    /// declared are allowed unless they are required.
    public func check(against table: MixedTable) throws(WeirError) {
        var differences: [String] = []
        for field in schema.fields {
            guard let existing = table.schema.field(named: field.name) else {
                differences.append("column '\(field.name)' is not in the table")
                continue
            }
            if existing.type != field.type {
                differences.append("column '\(field.name)' is \(existing.type) in the table and \(field.type) here")
            }
        }
        for existing in table.schema.fields where existing.isRequired && schema.field(named: existing.name) == nil {
            differences.append("column '\(existing.name)' is required in the table and not declared")
        }
        if table.primaryKey.map(\.name) != primaryKey {
            let key = table.isKeyed ? "(\(table.primaryKey.map(\.name).joined(separator: ", ")))" : "none"
            differences.append("the table's primary key is \(key), not (\(primaryKey.joined(separator: ", ")))")
        }
        if properties[TableMarkers.formatVersion] != nil, formatVersion != table.base.metadata.formatVersion {
            differences.append(
                "the table is of format version \(table.base.metadata.formatVersion), not \(formatVersion)"
                    + (formatVersion > table.base.metadata.formatVersion
                        ? ", and is upgraded by hand only: weir table alter \(identifier) "
                            + "--set \(TableMarkers.formatVersion)=\(formatVersion)" : "")
            )
        }
        let existing = table.base.spec.fields.map { field in
            "\(field.transform)(\(table.schema.field(id: field.sourceId)?.name ?? "?"))"
        }
        let declared = partitionSpec.fields.map { field in
            "\(field.transform)(\(schema.field(id: field.sourceId)?.name ?? "?"))"
        }
        if existing != declared {
            let shown = existing.isEmpty ? "not partitioned" : "partitioned by \(existing.joined(separator: ", "))"
            differences.append("the table is \(shown)")
        }
        if differences.isEmpty { return }
        throw WeirError(
            .invalid,
            "table \(identifier) exists and differs: \(differences.joined(separator: "; "))",
            advice: "declare it as it is, choose another name, or drop it"
        )
    }
}
