import Bytes
import ChangeEvents
import Columnar
import EventEncoders
import EventLog

/// A topic that a run writes the changes of one of its tables or joins to.
public struct TopicOutput: Sendable {
    /// The name of the table or join, as records name it.
    public let table: String
    /// Its index among the run's targets followed by its joins.
    public let sink: Int
    public let format: EventFormat
    /// The columns of the changes.
    public let schema: Schema
    public let primaryKey: [String]
    /// Identifies the routes that lead to the table or join.
    public let route: String
    /// Opens the topic for the changes from one source partition, or from all of them when it is nil. Opening fences
    /// any writer that had opened the same before.
    public let open: @Sendable (TopicPartition?) throws(WeirError) -> any TransactionalAppender
    /// Transactions under other ids that may have written some of the same changes. The arguments are whether the
    /// sources are shared now, and the partitions that may have been shared before.
    public let earlier: @Sendable (_ isShared: Bool, [TopicPartition]) -> [EarlierTransactions]

    public init(
        table: String,
        sink: Int,
        format: EventFormat,
        schema: Schema,
        primaryKey: [String],
        route: String = "",
        open: @escaping @Sendable (TopicPartition?) throws(WeirError) -> any TransactionalAppender,
        earlier: @escaping @Sendable (Bool, [TopicPartition]) -> [EarlierTransactions] = { _, _ in [] }
    ) {
        self.table = table
        self.sink = sink
        self.format = format
        self.schema = schema
        self.primaryKey = primaryKey
        self.route = route
        self.open = open
        self.earlier = earlier
    }
}
