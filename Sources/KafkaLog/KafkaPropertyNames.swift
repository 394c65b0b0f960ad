import Bytes
import CRdKafka

/// Translates property names of Kafka's Java clients.
enum KafkaPropertyNames {
    /// Ignored properties: records are bytes, and the runtime decides how many are taken at once.
    private static let dropped: Set<String> = [
        "key.deserializer", "value.deserializer", "key.serializer", "value.serializer", "max.poll.records",
        "client.dns.lookup", "metric.reporters", "metrics.num.samples", "interceptor.classes",
    ]
    private static let renamed = [
        "fetch.max.wait.ms": "fetch.wait.max.ms",
        "max.partition.fetch.bytes": "fetch.message.max.bytes",
        "receive.buffer.bytes": "socket.receive.buffer.bytes",
        "send.buffer.bytes": "socket.send.buffer.bytes",
        "max.request.size": "message.max.bytes",
        "delivery.timeout.ms": "message.timeout.ms",
        "sasl.mechanisms": "sasl.mechanism",
    ]

    /// librdkafka's name; nil for an ignored property.
    static func translate(_ name: String) throws(WeirError) -> String? {
        if dropped.contains(name) { return nil }
        if name == "buffer.memory" {
            throw WeirError(
                .invalid,
                "buffer.memory counts bytes",
                at: "property buffer.memory",
                advice: "use queue.buffering.max.kbytes"
            )
        }
        return renamed[name] ?? name
    }

    /// What to use instead of a property that librdkafka does not know or accept.
    static func advice(for name: String) -> String? {
        switch name {
        case "sasl.jaas.config": "use sasl.username and sasl.password"
        case "ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.type", "ssl.truststore.certificates":
            "use ssl.ca.location with a PEM file"
        case "ssl.keystore.type": "use ssl.keystore.location with a PKCS#12 file"
        default: NearestName.nearest(to: name, among: all).flatMap { $0 == name ? nil : "did you mean '\($0)'?" }
        }
    }

    private static var all: [String] {
        guard let configuration = rd_kafka_conf_new() else { return [] }
        defer { rd_kafka_conf_destroy(configuration) }
        var count = 0
        guard let dump = rd_kafka_conf_dump(configuration, &count) else { return [] }
        defer { rd_kafka_conf_dump_free(dump, count) }
        return stride(from: 0, to: count, by: 2).compactMap { dump[$0].map { String(cString: $0) } }
    }
}
