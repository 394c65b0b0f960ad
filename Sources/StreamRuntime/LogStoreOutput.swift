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
    /// Milliseconds behind the clock within which the sources' records must be before the LogStore is begun with; nil
    /// begins at once (spec section 9.1).
    public let watermarkGap: Int64?

    public init(
        log: any PartitionedLog,
        appender: any TopicAppender,
        settings: LogStoreSettings,
        writesFiles: Bool = true,
        watermarkGap: Int64? = nil
    ) {
        self.log = log
        self.appender = appender
        self.settings = settings
        self.writesFiles = writesFiles
        self.watermarkGap = watermarkGap
    }
}
