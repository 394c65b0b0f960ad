import EventLog
import LogStores

/// Where a table's LogStore is, opened for writing, and what goes there.
public struct LogStoreOutput: Sendable {
    /// The log that holds the topic, for reading its ends.
    public let log: any PartitionedLog
    public let appender: any TopicAppender
    public let settings: LogStoreSettings
    /// Whether changes go to the table's files as well.
    public let writesFiles: Bool

    public init(
        log: any PartitionedLog,
        appender: any TopicAppender,
        settings: LogStoreSettings,
        writesFiles: Bool = true
    ) {
        self.log = log
        self.appender = appender
        self.settings = settings
        self.writesFiles = writesFiles
    }
}
