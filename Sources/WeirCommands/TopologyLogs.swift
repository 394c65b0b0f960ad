import Bytes
import ChangeEvents
import EventLog
import KafkaLog
import LogStores
import StreamRuntime
import Synchronization
import Topology

/// The logs of a topology: the file log and Kafka brokers. Clients of one broker are shared.
final class TopologyLogs: Sendable {
    private let partitions: WarehouseLocations
    /// How a run waits for brokers it writes to; nil if it does not wait.
    private let patience: KafkaPatience?
    private let brokers = Mutex<[[String: String]: KafkaLog]>([:])

    init(_ partitions: WarehouseLocations, patience: KafkaPatience? = nil) {
        self.partitions = partitions
        self.patience = patience
    }

    func source(_ source: Topology.Source) throws(WeirError) -> any PartitionedLog {
        switch source.kind {
        case .fileLog: return try FileLog(root: source.path ?? partitions.logRoot)
        case .kafka:
            do {
                return try broker(try Self.revealed(source.properties))
            } catch {
                throw error.located(at: "source '\(source.name)'")
            }
        }
    }

    /// The topic that a sink writes a table's changes to, in the topology's own transactions.
    ///
    /// - Parameter partition: the source partition that the changes come from; nil for all partitions.
    func topic(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        _ partition: TopicPartition?
    ) throws(WeirError) -> any TransactionalAppender {
        let topic = Self.topic(sink, table)
        do {
            return try KafkaTransactions(
                producer(sink, topology, partition),
                topic: topic,
                stateID: Self.stateID(sink, table, topology: topology, topic: topic, partition)
            )
        } catch {
            throw error.located(at: "sink '\(sink.name ?? "kafka")'")
        }
    }

    /// Transactions of earlier runs that may have written the same changes under other ids: a topology's sources may
    /// have been shared by processes in one run and not in another, and ids of older versions did not contain the
    /// topic.
    ///
    /// - Parameter partitions: the partitions that may have been shared.
    func earlierTransactions(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        isShared: Bool,
        _ partitions: [TopicPartition]
    ) -> [EarlierTransactions] {
        earlierTransactions(sink, table, topology: topology, isShared ? [nil] : partitions)
    }

    /// The transactions under a topology's former name, from which its sinks continue.
    func formerTransactions(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        _ partitions: [TopicPartition]
    ) -> [EarlierTransactions] {
        // Ids with a configured prefix do not contain the topology's name, so they are the same under both names.
        guard sink.transactionalIDPrefix == nil else { return [] }
        return earlierTransactions(sink, table, topology: topology, [nil] + partitions)
    }

    private func earlierTransactions(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        _ partitions: [TopicPartition?]
    ) -> [EarlierTransactions] {
        guard let topic = sink.topic(of: table) else { return [] }
        let ids =
            ["\(Self.prefix(sink, topology))-\(table)"]
            + partitions.map { Self.stateID(sink, table, topology: topology, topic: topic, $0) }
        return ids.map { id in
            @Sendable func stored() throws(WeirError) -> EarlierTransactions.Stored? {
                try KafkaTransactions.storedState(
                    broker(try Self.revealed(sink.properties)),
                    topic: topic,
                    transactionalID: id
                )
            }
            return EarlierTransactions(id: id, stored: stored) { [self] () throws(WeirError) in
                // If the state does not name its writer, the producer had the same id as the state.
                let writer = try stored().flatMap { TopicState.writer(of: $0.state) } ?? id
                let log = try broker(try Self.revealed(sink.properties))
                try KafkaTransactionalClient.shutOut(log, transactionalID: writer)
                return try stored()
            }
        }
    }

    /// The producer for a source partition's transactions to all topics of a sink.
    private func producer(
        _ sink: Topology.Sink,
        _ topology: String,
        _ partition: TopicPartition?
    ) throws(WeirError) -> KafkaTransactionalClient {
        try KafkaTransactionalClient.shared(
            broker(try Self.revealed(sink.properties)),
            transactionalID: Self.transactionalID(sink, topology: topology, partition)
        )
    }

    private static func topic(_ sink: Topology.Sink, _ table: String) -> String {
        guard let topic = sink.topic(of: table) else {
            preconditionFailure("a sink is asked for a table that it does not take")
        }
        return topic
    }

    private static func prefix(_ sink: Topology.Sink, _ topology: String) -> String {
        sink.transactionalPrefix(topology: topology)
    }

    /// The id of the producer. There is one per sink and source partition, for all tables and topics of the sink. Table
    /// names do not begin with a colon, so the id differs from every state id.
    private static func transactionalID(_ sink: Topology.Sink, topology: String, _ partition: TopicPartition?) -> String
    {
        sink.producerID(topology: topology) + (partition.map { ":\($0.topic):\($0.partition)" } ?? "")
    }

    /// The id of the state stored with the transactions of one table to one topic.
    private static func stateID(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        topic: String,
        _ partition: TopicPartition?
    ) -> String {
        "\(prefix(sink, topology))-\(table):\(topic)" + (partition.map { ":\($0.topic):\($0.partition)" } ?? "")
    }

    /// The log that mirrors a table's changes, for reading.
    func logStore(_ settings: LogStoreSettings) throws(WeirError) -> any PartitionedLog {
        switch settings.kind {
        case .file: return try FileLog(root: settings.address ?? partitions.logRoot)
        case .kafka: return try broker(Self.revealed(Self.client(of: settings)))
        }
    }

    /// Client properties for a LogStore's brokers. The table stores references to secrets, not the secrets.
    static func client(of settings: LogStoreSettings) throws(WeirError) -> [String: Secret] {
        var properties: [String: Secret] = [:]
        for (name, text) in settings.client {
            do {
                properties[name] = try Secret.referenced(by: text) ?? Secret(text)
            } catch {
                throw error.located(at: "property properties.\(name) of the LogStore")
            }
        }
        properties["bootstrap.servers"] = settings.address.map { Secret($0) }
        return properties
    }

    /// An appender to a LogStore. Creates a missing topic in the file log; on a broker, the operator creates the topic.
    func appender(_ log: any PartitionedLog, _ settings: LogStoreSettings) throws(WeirError) -> any TopicAppender {
        guard let topic = settings.topic else { preconditionFailure("an enabled LogStore has a topic") }
        if let broker = log as? KafkaLog { return try KafkaAppender(broker, topic: topic) }
        guard let files = log as? FileLog else { preconditionFailure("a LogStore is on a broker or in the file log") }
        if try !files.topics().contains(topic) { try files.createTopic(topic) }
        return try FileTopicAppender(FileLogWriter(files, owner: "weir run"), topic: topic)
    }

    /// A client with these librdkafka properties.
    func broker(_ properties: [String: String]) throws(WeirError) -> KafkaLog {
        try brokers.withLock { (brokers) throws(WeirError) in
            if let known = brokers[properties] { return known }
            let log = try KafkaLog(KafkaSettings(properties: properties), patience: patience)
            brokers[properties] = log
            return log
        }
    }

    static func revealed(_ secrets: [String: Secret]) throws(WeirError) -> [String: String] {
        var texts: [String: String] = [:]
        for (name, secret) in secrets { texts[name] = try secret.reveal() }
        return texts
    }
}
