import Bytes
import ChangeEvents
import EventDecoders
import EventLog

extension Topology {
    /// Topics of one log that changes are read from.
    public struct Source: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            case fileLog = "file-log"
            case kafka
        }
        public enum Format: String, Sendable, CaseIterable { case debeziumJSON = "debezium-json" }

        /// What happens to records with a schema registry's header, a zero byte and the schema's id, in front of JSON.
        public enum RegistryHeader: String, Sendable, CaseIterable {
            /// They are dead letters.
            case refuse
            case skip
        }

        public let name: String
        public let kind: Kind
        public let format: Format
        /// Topics by name. A source has these, `topicPattern`, or with Kafka both.
        public let topics: [String]
        /// Matches whole topic names.
        public let topicPattern: NamePattern?
        /// Where reading begins in partitions that no table has a position for.
        public let startup: Startup
        /// What happens when the log no longer holds the next record to read.
        public var onLostOffsets = LostOffsets.fail
        /// Root of the file log, where it is not the default.
        public let path: String?
        /// Settings of the Kafka client under librdkafka's names, without `properties.`; empty for a file log.
        public var properties: [String: Secret] = [:]
        /// What an integer counts that a record gives no unit for, for all columns that say nothing else; nil derives it for
        /// each from its values.
        public let timeUnit: TimeUnit?
        public let timestampUnit: TimeUnit?
        /// For single columns, by `column`, `table.column` or a whole identifier and the column.
        public var timeUnits: [String: TimeUnit] = [:]
        public var timestampUnits: [String: TimeUnit] = [:]
        /// How text for a decimal column is read where the record does not say.
        public let decimalText: DebeziumJSONOptions.DecimalText
        /// What stands for an unchanged value that the source left out; nil for Debezium's own text.
        public var unavailableValue: String?
        public var registryHeader = RegistryHeader.refuse

        public func reads(topic: String) -> Bool { topics.contains(topic) || topicPattern?.matches(topic) == true }
    }
}
