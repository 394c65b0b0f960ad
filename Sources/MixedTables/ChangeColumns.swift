import Bytes
import Columnar

/// The metadata column of change files (spec section 4.1).
public enum ChangeColumns {
    /// Orders the rows of one commit; an update's two rows share it.
    public static let fileOffset = Field(id: 2_147_482_645, name: "_file_offset", type: .long)

    /// The schema of a change file: the table's columns and `_file_offset` last.
    ///
    /// Only key columns stay required: a delete whose old row the source did not send holds nothing else.
    static func fileSchema(_ schema: Schema, primaryKey: [Field]) -> Schema {
        let fields = schema.fields.map { field in
            let isKey = primaryKey.contains { $0.id == field.id }
            return Field(id: field.id, name: field.name, type: field.type, isRequired: isKey, doc: field.doc)
        }
        return Schema(fields + [fileOffset])
    }
}
