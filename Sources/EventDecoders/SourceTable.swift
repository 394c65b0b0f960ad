/// Identifies the source table of a change.
public struct SourceTable: Hashable, Sendable {
    public let database: String?
    public let schema: String?
    /// Nil if the record has no source block; the topic then identifies the table.
    public let table: String?
    public let topic: String

    public init(database: String? = nil, schema: String? = nil, table: String? = nil, topic: String) {
        self.database = database
        self.schema = schema
        self.table = table
        self.topic = topic
    }

    /// `<database>.<schema>.<table>` or `<database>.<table>`, or the topic: the text that routes match.
    public var identifier: String {
        guard let table else { return topic }
        return [database, schema, table].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ".")
    }
}
