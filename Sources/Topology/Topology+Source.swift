import Bytes
import ChangeEvents
import EventDecoders
import EventLog

extension Topology {
    /// The topics of one log to read changes from.
    public struct Source: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            case fileLog = "file-log"
            case kafka
        }
        public enum Format: String, Sendable, CaseIterable { case debeziumJSON = "debezium-json" }

        /// The handling of JSON records with a schema registry header (a zero byte and the schema id).
        public enum RegistryHeader: String, Sendable, CaseIterable {
            /// The records become dead letters.
            case refuse
            case skip
        }

        public let name: String
        public let kind: Kind
        public let format: Format
        /// Topic names. A source has these or `topicPattern`; a Kafka source may have both.
        public let topics: [String]
        /// Matches whole topic names.
        public let topicPattern: NamePattern?
        /// The start position in partitions for which no table has a stored position.
        public let startup: Startup
        /// What to do if the log no longer has the next record to read.
        public var onLostOffsets = LostOffsets.fail
        /// Root of the file log; nil for the default.
        public let path: String?
        /// librdkafka settings, without the prefix `properties.`; empty for a file log.
        public var properties: [String: Secret] = [:]
        /// The default unit of integers in time columns if the record does not state one; nil derives it per column
        /// from the values. `timestampUnit` is the same for timestamp columns.
        public let timeUnit: TimeUnit?
        public let timestampUnit: TimeUnit?
        /// Units of single columns, by `column`, `table.column` or whole identifier and column.
        public var timeUnits: [String: TimeUnit] = [:]
        public var timestampUnits: [String: TimeUnit] = [:]
        /// How to read text for a decimal column if the record does not state it.
        public let decimalText: DebeziumJSONOptions.DecimalText
        /// The placeholder for an unchanged value that the source left out; nil for Debezium's default.
        public var unavailableValue: String?
        public var registryHeader = RegistryHeader.refuse

        public func reads(topic: String) -> Bool { topics.contains(topic) || topicPattern?.matches(topic) == true }
    }
}
