import Bytes
import CRdKafka

/// Connection settings of Kafka brokers: librdkafka's properties by name.
///
/// Equivalent property names of Kafka's Java clients are accepted. The user cannot change properties that affect
/// exactly-once processing: Weir stores its own offsets, so librdkafka must not commit or reset them.
public struct KafkaSettings: Sendable, CustomStringConvertible {
    /// Default properties.
    static let defaults = [
        "client.id": "weir",
        "isolation.level": "read_committed",
    ]

    /// Additional defaults, applied if librdkafka knows them.
    private static let newerDefaults = [
        // Since 2.2: how long fetching pauses when the queue is full; the default is a second.
        "fetch.queue.backoff.ms": "20"
    ]

    /// By librdkafka's names, checked; without the defaults.
    public let properties: [String: String]

    /// Fails with `invalid` and librdkafka's message for an unknown property or a value that it does not accept.
    public init(properties given: [String: String]) throws(WeirError) {
        var known: [String: String] = [:]
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let name = try KafkaPropertyNames.translate(name) else { continue }
            known[name] = value
        }
        do throws(WeirError) {
            _ = try BootstrapServers(known["bootstrap.servers"] ?? "")
        } catch {
            throw error.located(at: "property bootstrap.servers")
        }
        if let group = known["group.id"], group.allSatisfy(\.isWhitespace) {
            throw WeirError(
                .invalid,
                "the consumer group has no name: group.id is empty",
                at: "property group.id",
                advice: "give it a name, or leave group.id out"
            )
        }
        if known["partition.assignment.strategy"]?.contains("cooperative") == true {
            throw WeirError(
                .unsupported,
                "partitions are not handed over one by one",
                at: "property partition.assignment.strategy",
                advice: "use range or roundrobin"
            )
        }
        properties = known
        rd_kafka_conf_destroy(try configuration([:], leavingOut: []))
    }

    /// How long a producer tries to deliver a record, and how long writes wait for brokers: `message.timeout.ms`,
    /// called `delivery.timeout.ms` by Kafka. 0 means no limit.
    var deliveryMilliseconds: Int {
        let text = properties["message.timeout.ms"]
        let given = text.flatMap { Int($0) } ?? Self.deliveryMillisecondsDefault
        return given > 0 ? given : .max / 1_000_000
    }

    static let deliveryMillisecondsDefault = 300_000

    /// Session timeout of a group member: `session.timeout.ms`.
    var sessionMilliseconds: Int { properties["session.timeout.ms"].flatMap { Int($0) } ?? 45_000 }

    /// How often group members look for new topics and partitions: `topic.metadata.refresh.interval.ms`.
    var metadataRefreshMilliseconds: Int {
        properties["topic.metadata.refresh.interval.ms"].flatMap { Int($0) } ?? Self.metadataRefreshMillisecondsDefault
    }

    static let metadataRefreshMillisecondsDefault = 5000

    /// `host:port`, separated by commas.
    public var brokers: String { properties["bootstrap.servers"] ?? "" }

    /// Only the brokers, because other properties may hold passwords.
    public var description: String { "Kafka at \(brokers)" }

    /// Creates a librdkafka configuration. The caller destroys it or passes it to a client.
    ///
    /// - Parameters:
    ///   - forced: properties that override the user's.
    ///   - leavingOut: user properties that do not apply to this client.
    func configuration(_ forced: [String: String], leavingOut: Set<String>) throws(WeirError) -> OpaquePointer {
        guard let configuration = rd_kafka_conf_new() else {
            throw WeirError(.storage, "librdkafka cannot make a configuration")
        }
        var values = Self.defaults
        values.merge(properties.filter { !leavingOut.contains($0.key) }) { $1 }
        values.merge(forced) { $1 }
        do {
            for (name, value) in Self.newerDefaults { rd_kafka_conf_set(configuration, name, value, nil, 0) }
            for (name, value) in values.sorted(by: { $0.key < $1.key }) { try Self.set(configuration, name, value) }
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        return configuration
    }

    private static func set(_ configuration: OpaquePointer, _ name: String, _ value: String) throws(WeirError) {
        var said = KafkaText()
        let result = said.fill { rd_kafka_conf_set(configuration, name, value, $0, $1) }
        guard result != RD_KAFKA_CONF_OK else { return }
        throw WeirError(
            .invalid,
            said.text.hasSuffix(".") ? String(said.text.dropLast()) : said.text,
            at: "property \(name)",
            advice: KafkaPropertyNames.advice(for: name) ?? "see CONFIGURATION.md of librdkafka for what it takes"
        )
    }
}
