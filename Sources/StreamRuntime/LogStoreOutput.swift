import EventLog
import LogStores

/// A table's LogStore, opened for writing, and what is written to it.
public struct LogStoreOutput: Sendable {
    /// The log that holds the topic, for reading its ends.
    public let log: any PartitionedLog
    public let appender: any TopicAppender
    public let settings: LogStoreSettings
    /// Whether changes go to the table's files as well.
    public let writesFiles: Bool
    /// The LogStore is started once the sources' records are at most this many milliseconds behind the clock; nil
    /// starts it at once (spec section 9.1).
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
