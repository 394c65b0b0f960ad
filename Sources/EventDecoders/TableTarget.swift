import Bytes
import Columnar

/// A destination of a source table's rows.
public struct TableTarget: Sendable {
    /// The caller's index of the destination table. Source tables may share a destination, with the same schema.
    public let index: Int
    /// The columns to read, matched by name.
    public let schema: Schema
    /// Column names; a record without a value for one of them is rejected.
    public let primaryKey: [String]

    public init(index: Int, schema: Schema, primaryKey: [String]) {
        self.index = index
        self.schema = schema
        self.primaryKey = primaryKey
    }
}
