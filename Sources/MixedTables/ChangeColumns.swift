import Bytes
import Columnar

/// The metadata column of change files (spec section 4.1).
public enum ChangeColumns {
    /// Orders the rows of one commit; both rows of an update have the same offset.
    public static let fileOffset = Field(id: 2_147_482_645, name: "_file_offset", type: .long)

    /// The schema of a change file: the table's columns, followed by `_file_offset`.
    ///
    /// Only key columns stay required: a delete holds nothing else when the source did not send the old row.
    static func fileSchema(_ schema: Schema, primaryKey: [Field]) -> Schema {
        let fields = schema.fields.map { field in
            let isKey = primaryKey.contains { $0.id == field.id }
            return Field(id: field.id, name: field.name, type: field.type, isRequired: isKey, doc: field.doc)
        }
        return Schema(fields + [fileOffset])
    }
}
