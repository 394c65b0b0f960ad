import Bytes
import Columnar

/// The `source` block of a table's events: where `database.table` or `database.schema.table` says the change happened.
enum DebeziumSource {
    /// `{"db":"shop","schema":"public","table":"orders"}`, without `schema` for a name of two parts.
    static func json(_ table: String) -> Buffer {
        let parts = table.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        let names =
            switch parts.count {
            case 1: ["table"]
            case 2: ["db", "table"]
            default: ["db", "schema", "table"]
            }
        // A row of text columns, so that names are escaped as all text is.
        let columns = parts.map { part in
            var column = ColumnBuilder(.string, capacity: 1)
            column.append(part)
            return column.finish()
        }
        let schema = Schema(names.enumerated().map { Field(id: $0.offset + 1, name: $0.element, type: .string) })
        var text = GrowableBuffer()
        JSONRowEncoder(schema).append(ColumnBatch(schema: schema, columns: columns, count: 1), row: 0, to: &text)
        return text.finish()
    }
}
