import Bytes
import EventLog
import KafkaLog
import LogStores
import StreamRuntime
import Synchronization
import Topology

/// The logs that a topology names: the file log, and brokers that speak Kafka. Clients of one broker are shared.
final class TopologyLogs: Sendable {
    private let places: WarehousePlaces
    private let brokers = Mutex<[[String: String]: KafkaLog]>([:])

    init(_ places: WarehousePlaces) { self.places = places }

    func source(_ source: Topology.Source) throws(WeirError) -> any PartitionedLog {
        switch source.kind {
        case .fileLog: return try FileLog(root: source.path ?? places.logRoot)
        case .kafka:
            do {
                return try broker(try Self.revealed(source.properties))
            } catch {
                throw error.located(at: "source '\(source.name)'")
            }
        }
    }

    /// The topic that a sink writes a table's changes to, in transactions of the topology's own.
    ///
    /// - Parameter place: the partition of a source that the changes come from; nil for all.
    func topic(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        _ place: TopicPartition?
    ) throws(WeirError) -> any TransactionalAppender {
        try transactions(sink, table) { Self.transactionalID(sink, table, topology: topology, topic: $0, place) }
    }

    /// Other transactions that may have written the same: the sources of a topology are shared by processes at one time and
    /// not at another, and ids did not name the topic once.
    ///
    /// - Parameter partitions: those that may have been shared.
    func earlierTransactions(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        isShared: Bool,
        _ partitions: [TopicPartition]
    ) -> [EarlierTransactions] {
        earlierTransactions(sink, table, topology: topology, isShared ? [nil] : partitions)
    }

    /// The transactions of a topology's former name, which its sinks go on from.
    func formerTransactions(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        _ partitions: [TopicPartition]
    ) -> [EarlierTransactions] {
        // Ids that do not hold the name are the same under both.
        guard sink.transactionalIDPrefix == nil else { return [] }
        return earlierTransactions(sink, table, topology: topology, [nil] + partitions)
    }

    private func earlierTransactions(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        _ places: [TopicPartition?]
    ) -> [EarlierTransactions] {
        guard let topic = sink.topic(of: table) else { return [] }
        let ids =
            ["\(Self.prefix(sink, topology))-\(table)"]
            + places.map { Self.transactionalID(sink, table, topology: topology, topic: topic, $0) }
        return ids.map { id in
            EarlierTransactions(id: id) { [self] () throws(WeirError) in
                try KafkaTransactions.storedState(
                    broker(try Self.revealed(sink.properties)),
                    topic: topic,
                    transactionalID: id
                )
            } takenOver: { [self] () throws(WeirError) in
                let taken = try transactions(sink, table) { _ in id }
                return try taken.committedState().map { ($0, taken.count) }
            }
        }
    }

    private func transactions(
        _ sink: Topology.Sink,
        _ table: String,
        id: (_ topic: String) -> String
    ) throws(WeirError) -> KafkaTransactions {
        guard let topic = sink.topic(of: table) else {
            preconditionFailure("a sink is asked for a table that it does not take")
        }
        do {
            return try KafkaTransactions(
                broker(try Self.revealed(sink.properties)),
                topic: topic,
                transactionalID: id(topic)
            )
        } catch {
            throw error.located(at: "sink '\(sink.name ?? "kafka")'")
        }
    }

    private static func prefix(_ sink: Topology.Sink, _ topology: String) -> String {
        sink.transactionalIDPrefix ?? "weir-\(topology)"
    }

    private static func transactionalID(
        _ sink: Topology.Sink,
        _ table: String,
        topology: String,
        topic: String,
        _ place: TopicPartition?
    ) -> String {
        "\(prefix(sink, topology))-\(table):\(topic)" + (place.map { ":\($0.topic):\($0.partition)" } ?? "")
    }

    /// The log that mirrors a table's changes, for reading.
    func logStore(_ settings: LogStoreSettings) throws(WeirError) -> any PartitionedLog {
        switch settings.kind {
        case .file: return try FileLog(root: settings.address ?? places.logRoot)
        case .kafka: return try broker(Self.revealed(Self.client(of: settings)))
        }
    }

    /// Properties of a client that reaches a LogStore's brokers. The table keeps references to secrets, not the secrets.
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

    /// The same for appending. A topic of the file log is made when it is not there; a broker's is its keeper's.
    func appender(_ log: any PartitionedLog, _ settings: LogStoreSettings) throws(WeirError) -> any TopicAppender {
        guard let topic = settings.topic else { preconditionFailure("an enabled LogStore has a topic") }
        if let broker = log as? KafkaLog { return try KafkaAppender(broker, topic: topic) }
        guard let files = log as? FileLog else { preconditionFailure("a LogStore is on a broker or in the file log") }
        if try !files.topics().contains(topic) { try files.createTopic(topic) }
        return try FileTopicAppender(FileLogWriter(files, owner: "weir run"), topic: topic)
    }

    /// A client with those settings, under librdkafka's names.
    func broker(_ properties: [String: String]) throws(WeirError) -> KafkaLog {
        try brokers.withLock { (brokers) throws(WeirError) in
            if let known = brokers[properties] { return known }
            let log = try KafkaLog(KafkaSettings(properties: properties))
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
