import Bytes

extension Topology {
    /// Topics of one log that changes are read from.
    public struct Source: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            case fileLog = "file-log"
            case kafka
        }
        public enum Format: String, Sendable, CaseIterable { case debeziumJSON = "debezium-json" }

        /// Where reading begins in a partition that no table has a position for.
        public enum Startup: Sendable, Hashable {
            case earliest
            case latest
            /// The first records at or after that time, in milliseconds since 1970.
            case timestamp(Int64)
            /// The next record to read, by topic and partition. Partitions that are not named begin at the earliest.
            case specificOffsets([String: [Int: Int64]])
            /// What the consumer group `properties.group.id` has committed. Kafka only.
            case groupOffsets
        }

        /// What happens when the log no longer holds the next record to read.
        public enum LostOffsets: String, Sendable, CaseIterable {
            case fail
            /// Go on with the oldest record that is there.
            case earliest
            /// Go on with the next record that is written.
            case latest
        }

        /// What an integer counts that a record gives no unit for.
        public enum TimeUnit: String, Sendable, CaseIterable { case milliseconds, microseconds, nanoseconds }

        /// How text for a decimal column is read where the record does not say.
        public enum DecimalText: String, Sendable, CaseIterable {
            case numberOrBase64 = "number-or-base64"
            case number
            case base64
        }

        public let name: String
        public let kind: Kind
        public let format: Format
        /// Topics by name. A source has these, `topicPattern`, or with Kafka both.
        public let topics: [String]
        /// Matches whole topic names.
        public let topicPattern: NamePattern?
        public let startup: Startup
        public var onLostOffsets = LostOffsets.fail
        /// Root of the file log, where it is not the default.
        public let path: String?
        /// Settings of the Kafka client under librdkafka's names, without `properties.`; empty for a file log.
        public var properties: [String: Secret] = [:]
        /// For all columns that say nothing else; nil derives it for each from its values.
        public let timeUnit: TimeUnit?
        public let timestampUnit: TimeUnit?
        /// For single columns, by `column`, `table.column` or a whole identifier and the column.
        public var timeUnits: [String: TimeUnit] = [:]
        public var timestampUnits: [String: TimeUnit] = [:]
        public let decimalText: DecimalText
        /// What stands for an unchanged value that the source left out; nil for Debezium's own text.
        public var unavailableValue: String?

        public func reads(topic: String) -> Bool { topics.contains(topic) || topicPattern?.matches(topic) == true }
    }
}
