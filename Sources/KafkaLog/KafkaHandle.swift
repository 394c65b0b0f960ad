import Bytes
import CRdKafka
import Foundation
import Synchronization

/// One librdkafka client, with its threads and connections.
final class KafkaHandle: @unchecked Sendable {
    /// The purpose of a client; determines the properties that the user cannot override.
    enum Role {
        /// Reads partitions and queries topics; not a member of a group.
        case data(KafkaPrefetch)
        /// Member of a group; its events are taken from the consumer queue.
        ///
        /// - Parameter instance: the static member id, unless the user sets one.
        case member(group: String, instance: String?)
        /// Queries the committed offsets of a group.
        case offsets(group: String)
        case producer
        case transactions(id: String)
    }

    // librdkafka clients are thread-safe.
    let raw: OpaquePointer
    let notes: KafkaNotes
    /// Delivery state of every topic that this client sends to. Records in flight point to it.
    private let deliveries = Mutex<[KafkaDeliveries]>([])
    let brokers: String

    init(_ role: Role, _ settings: KafkaSettings) throws(WeirError) {
        let configuration = try settings.configuration(Self.forced(role, settings), leavingOut: Self.leftOut(role))
        // Both must live as long as the client, because callbacks use them.
        let context = KafkaNotes()
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(context).toOpaque())
        rd_kafka_conf_set_log_cb(configuration) { client, level, _, text in
            guard let client, let text, level <= 6, let opaque = rd_kafka_opaque(client) else { return }
            let line = String(cString: text)
            let code = line.contains("Failed to resolve") ? RD_KAFKA_RESP_ERR__RESOLVE : RD_KAFKA_RESP_ERR__TRANSPORT
            guard let note = KafkaHandle.note(ofLog: line, code) else { return }
            Unmanaged<KafkaNotes>.fromOpaque(opaque).takeUnretainedValue().add(note)
        }
        var isProducer = false
        switch role {
        case .member: rd_kafka_conf_set_events(configuration, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR)
        case .producer, .transactions:
            isProducer = true
            KafkaDeliveries.register(configuration)
            Self.registerErrors(configuration)
        case .data, .offsets: Self.registerErrors(configuration)
        }
        var said = KafkaText()
        let type = isProducer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let client = said.fill({ rd_kafka_new(type, configuration, $0, $1) }) else {
            rd_kafka_conf_destroy(configuration)
            throw WeirError(.invalid, "librdkafka does not take these properties: \(said.text)", at: settings.brokers)
        }
        raw = client
        notes = context
        brokers = settings.brokers
    }

    /// Keeps the delivery state that records in flight point to alive as long as the client.
    func keep(_ deliveries: KafkaDeliveries) { self.deliveries.withLock { $0.append(deliveries) } }

    /// Destroys the client on another thread: in librdkafka 2.0 the call may never return after a topic that was read
    /// is deleted. Reporting an error or ending a run must not wait for that.
    deinit {
        let client = Client(raw: raw, notes: notes, deliveries: deliveries.withLock { $0 })
        let isOver = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            client.destroy()
            isOver.signal()
        }
        _ = isOver.wait(timeout: .now() + Self.endingSeconds)
    }

    private static let endingSeconds = 1.0

    /// Moves an otherwise unused client to the thread that destroys it.
    private struct Client: @unchecked Sendable {
        let raw: OpaquePointer
        let notes: KafkaNotes
        let deliveries: [KafkaDeliveries]

        func destroy() {
            // Callbacks use both until the client is destroyed.
            withExtendedLifetime((notes, deliveries)) {
                rd_kafka_destroy_flags(raw, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            }
        }
    }

    /// The error of a failed call, including what librdkafka reported about its brokers.
    func failure(
        _ code: rd_kafka_resp_err_t,
        _ doing: String,
        text: String? = nil,
        at location: String? = nil
    ) -> WeirError {
        rd_kafka_poll(raw, 0)
        return KafkaFailure.error(code, doing, text: text, said: notes.recent, at: location ?? brokers)
    }

    /// The most recent outage of a broker as text; nil when there was none recently.
    var outage: String? {
        rd_kafka_poll(raw, 0)
        return notes.recent.last(where: KafkaFailure.isOutage).map { KafkaFailure.words($0) }
    }

    private static func registerErrors(_ configuration: OpaquePointer) {
        rd_kafka_conf_set_error_cb(configuration) { client, code, reason, opaque in
            guard let client, let opaque else { return }
            var code = rd_kafka_resp_err_t(rawValue: code)
            var text = reason.map { String(cString: $0) } ?? KafkaFailure.name(code)
            if code == RD_KAFKA_RESP_ERR__FATAL {
                var said = KafkaText()
                code = said.fill { rd_kafka_fatal_error(client, $0, $1) }
                text = said.text
            }
            Unmanaged<KafkaNotes>.fromOpaque(opaque).takeUnretainedValue().add(KafkaFailure.Note(code, text))
        }
    }

    /// Parses log lines about connections. They arrive at once, errors only when the client is polled.
    private static func note(ofLog line: String, _ code: rd_kafka_resp_err_t) -> KafkaFailure.Note? {
        // "[thrd:127.0.0.1:9092/bootstrap]: 127.0.0.1:9092/bootstrap: Connect to … failed: Connection refused (…)"
        guard let end = line.range(of: "]: ") else { return nil }
        let text = String(line[end.upperBound...])
        return ["onnect", "esolve", "SSL", "SASL", "ApiVersion", "imed out"].contains { text.contains($0) }
            ? KafkaFailure.Note(code, text) : nil
    }

    private static func leftOut(_ role: Role) -> Set<String> {
        switch role {
        case .data, .offsets: ["group.id", "group.instance.id", "transactional.id", "enable.idempotence"]
        case .member: ["transactional.id", "enable.idempotence"]
        case .producer, .transactions: ["group.id", "group.instance.id", "transactional.id"]
        }
    }

    private static func forced(_ role: Role, _ settings: KafkaSettings) -> [String: String] {
        let ownOffsets = [
            "enable.auto.commit": "false", "enable.auto.offset.store": "false", "auto.offset.reset": "error",
        ]
        func unless(given values: [String: String]) -> [String: String] {
            values.filter { settings.properties[$0.key] == nil }
        }
        switch role {
        case .data(let prefetch):
            return ownOffsets.merging(["enable.partition.eof": "true"]) { $1 }.merging(prefetch.properties) { $1 }
        case .member(let group, let instance):
            let named = unless(given: instance.map { ["group.instance.id": $0] } ?? [:])
            // How often new topics are discovered.
            let refresh = "\(KafkaSettings.metadataRefreshMillisecondsDefault)"
            return ownOffsets.merging(unless(given: ["topic.metadata.refresh.interval.ms": refresh])) { $1 }
                .merging(["group.id": group, "enable.partition.eof": "false"]) { $1 }.merging(named) { $1 }
        case .offsets(let group): return ownOffsets.merging(["group.id": group]) { $1 }
        case .producer:
            return unless(given: producing).merging(["enable.idempotence": "true", "acks": "all"]) { $1 }
        case .transactions(let id):
            return unless(given: producing)
                .merging(["enable.idempotence": "true", "acks": "all", "transactional.id": id]) { $1 }
        }
    }

    private static let producing = [
        "linger.ms": "1", "queue.buffering.max.kbytes": "65536", "queue.buffering.max.messages": "500000",
    ]
}
