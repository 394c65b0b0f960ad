import Bytes

extension Topology {
    /// Where the rows of tables and joins go.
    public struct Sink: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            case mixedIceberg = "mixed-iceberg"
            case kafka
        }

        /// How a change becomes a Kafka record.
        public enum Format: String, Sendable, CaseIterable {
            /// Debezium's envelope with the old and the new row.
            case debeziumJSON = "debezium-json"
            /// The new row; deletes become dead letters.
            case json
            /// The new row by its key, a tombstone for a delete.
            case upsertKafka = "upsert-kafka"
        }

        public var name: String?
        public let kind: Kind
        /// Names of the tables and joins it takes, in the order of the file; empty for all of them.
        public var tables: [String] = []
        /// Warehouse only.
        public var warehouse: String?
        /// `sqlite:<path>`, `postgresql://…`, `http(s)://…`; may hold a password. Warehouse only.
        public var catalog: Secret?
        /// The name of the catalog in its database, which may hold several; nil for Weir's own. Warehouse only.
        public var catalogName: String?
        /// Kafka only, where it is never nil.
        public var format: Format?
        /// The topic of its only table. Kafka only; it has this or `topicPrefix`.
        public var topic: String?
        /// In front of each table's name, which makes the name of its topic.
        public var topicPrefix: String?
        /// Settings of the Kafka client under librdkafka's names, without `properties.`.
        public var properties: [String: Secret] = [:]
        /// What the ids of its Kafka transactions begin with, where it is not the topology's name.
        public var transactionalIDPrefix: String?

        public init(kind: Kind) { self.kind = kind }

        public func takes(table: String) -> Bool { tables.isEmpty || tables.contains(table) }

        /// What the ids of its Kafka transactions begin with.
        public func transactionalPrefix(topology: String) -> String { transactionalIDPrefix ?? "weir-\(topology)" }

        /// What names the producers of its Kafka transactions. No name of a table begins with a colon, so no table's is
        /// the same.
        public func producerID(topology: String) -> String {
            "\(transactionalPrefix(topology: topology))-:\(name ?? topic ?? topicPrefix ?? "")"
        }

        /// The Kafka topic that changes of a table go to; nil for a table it does not take and for a warehouse.
        public func topic(of table: String) -> String? {
            guard kind == .kafka, takes(table: table) else { return nil }
            return topic ?? topicPrefix.map { $0 + table }
        }
    }
}
