import Bytes

/// Rows in columnar form: the unit in which data moves.
public struct ColumnBatch: Sendable {
    public let schema: Schema
    public let columns: [ColumnVector]
    /// Rows.
    public let count: Int

    public init(schema: Schema, columns: [ColumnVector], count: Int) {
        precondition(schema.count == columns.count, "a batch has one column per field")
        precondition(columns.allSatisfy { $0.count == count }, "every column of a batch has the same number of rows")
        self.schema = schema
        self.columns = columns
        self.count = count
    }

    /// No rows.
    public static func empty(_ schema: Schema) -> ColumnBatch {
        ColumnBatch(schema: schema, columns: schema.fields.map { .nulls($0.type, count: 0) }, count: 0)
    }

    public func column(named name: String) -> ColumnVector? { schema.index(named: name).map { columns[$0] } }
    public func column(field id: Int) -> ColumnVector? { schema.index(ofField: id).map { columns[$0] } }

    /// The columns at the given indexes.
    public func selecting(_ indices: [Int]) -> ColumnBatch {
        ColumnBatch(
            schema: Schema(indices.map { schema.fields[$0] }),
            columns: indices.map { columns[$0] },
            count: count
        )
    }

    public var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount } }
}
