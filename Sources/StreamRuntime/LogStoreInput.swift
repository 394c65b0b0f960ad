import EventLog
import LogStores

/// A table's LogStore, opened for reading.
public struct LogStoreInput: Sendable {
    public let log: any PartitionedLog
    public let settings: LogStoreSettings

    public init(log: any PartitionedLog, settings: LogStoreSettings) {
        self.log = log
        self.settings = settings
    }
}
