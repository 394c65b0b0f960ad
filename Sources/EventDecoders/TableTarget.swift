import Bytes
import Columnar

/// Where the rows of a source table go.
public struct TableTarget: Sendable {
    /// The caller's number of the destination table. Several source tables may share one, with one schema.
    public let index: Int
    /// The columns wanted, found in the record by name.
    public let schema: Schema
    /// Column names; a record without a value for one of them is rejected.
    public let primaryKey: [String]

    public init(index: Int, schema: Schema, primaryKey: [String]) {
        self.index = index
        self.schema = schema
        self.primaryKey = primaryKey
    }
}
