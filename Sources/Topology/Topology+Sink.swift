import Bytes

extension Topology {
    /// A destination for the rows of tables and joins.
    public struct Sink: Sendable, Hashable {
        public enum Kind: String, Sendable, CaseIterable {
            case mixedIceberg = "mixed-iceberg"
            case kafka
        }

        /// The format of Kafka records.
        public enum Format: String, Sendable, CaseIterable {
            /// Debezium's envelope with old and new row.
            case debeziumJSON = "debezium-json"
            /// The new row; deletes become dead letters.
            case json
            /// The new row with its key, and a tombstone for a delete.
            case upsertKafka = "upsert-kafka"
        }

        public var name: String?
        public let kind: Kind
        /// Names of the tables and joins to write, in the order of the file; empty for all.
        public var tables: [String] = []
        /// The warehouse's location. Warehouse only.
        public var warehouse: String?
        /// `sqlite:<path>`, `postgresql://…`, `http(s)://…`; may contain a password. Warehouse only.
        public var catalog: Secret?
        /// The catalog name in a database that may hold several catalogs; nil for Weir's default. Warehouse only.
        public var catalogName: String?
        /// Kafka only; never nil there.
        public var format: Format?
        /// The topic of the sink's only table. Kafka only; either this or `topicPrefix` is set.
        public var topic: String?
        /// The topic of a table is this prefix and the table's name.
        public var topicPrefix: String?
        /// librdkafka settings, without the prefix `properties.`.
        public var properties: [String: Secret] = [:]
        /// The configured prefix of Kafka transactional ids; nil for the default, see `transactionalPrefix`.
        public var transactionalIDPrefix: String?

        public init(kind: Kind) { self.kind = kind }

        public func takes(table: String) -> Bool { tables.isEmpty || tables.contains(table) }

        /// The prefix of Kafka transactional ids.
        public func transactionalPrefix(topology: String) -> String { transactionalIDPrefix ?? "weir-\(topology)" }

        /// Identifies the transactional producers of the sink. Table names cannot start with a colon, so the id cannot
        /// be equal to a table's.
        public func producerID(topology: String) -> String {
            "\(transactionalPrefix(topology: topology))-:\(name ?? topic ?? topicPrefix ?? "")"
        }

        /// The Kafka topic for changes of a table; nil for a warehouse and for a table that the sink does not write.
        public func topic(of table: String) -> String? {
            guard kind == .kafka, takes(table: table) else { return nil }
            return topic ?? topicPrefix.map { $0 + table }
        }
    }
}
