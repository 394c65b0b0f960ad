import Bytes
import CRdKafka
import Foundation
import Synchronization

/// Latency of a broker and librdkafka alone from a producer to a consumer. Each record contains its send time.
struct KafkaRoundTrip {
    /// The size of the time at the start of a record.
    static let sizeMin = 8
    private static let secondsMax = 30.0

    private let peer: KafkaPeer
    private let topic: String
    private let records: Int
    private let rate: Double
    private let bytes: Int

    /// The topic must exist, be empty and have one partition.
    init(_ peer: KafkaPeer, topic: String, records: Int, rate: Double, bytes: Int) {
        self.peer = peer
        self.topic = topic
        self.records = records
        self.rate = rate
        self.bytes = bytes
    }

    /// The seconds from sending to receipt of each record.
    func measure() throws -> [Double] {
        let consumer = try client(RD_KAFKA_CONSUMER, [:])
        defer { rd_kafka_destroy(consumer) }
        guard let source = rd_kafka_topic_new(consumer, topic, nil) else { throw Self.noClient }
        defer { rd_kafka_topic_destroy(source) }
        rd_kafka_consume_start(source, 0, 0)
        defer { rd_kafka_consume_stop(source, 0) }
        // Connects first: the connection time is not measured.
        while let message = rd_kafka_consume(source, 0, 500) { rd_kafka_message_destroy(message) }
        let done = DispatchSemaphore(value: 0)
        let failed = Failure()
        Thread.detachNewThread { [self] in
            do { try produce() } catch { failed.error.withLock { $0 = error } }
            done.signal()
        }
        defer { done.wait() }
        var delays: [Double] = []
        let deadline = FollowBenchmarks.now() + Double(records) / rate + Self.secondsMax
        while delays.count < records {
            if let error = failed.error.withLock({ $0 }) { throw error }
            guard FollowBenchmarks.now() < deadline else {
                throw WeirError(.storage, "only \(delays.count) of \(records) records have come", at: "topic \(topic)")
            }
            guard let message = rd_kafka_consume(source, 0, 50) else { continue }
            defer { rd_kafka_message_destroy(message) }
            guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR, let payload = message.pointee.payload else {
                continue
            }
            delays.append(FollowBenchmarks.now() - payload.loadUnaligned(as: Double.self))
        }
        return delays
    }

    private final class Failure: Sendable {
        let error = Mutex<(any Error)?>(nil)
    }

    /// Produces with the settings of Weir's own producer.
    private func produce() throws {
        let producer = try client(RD_KAFKA_PRODUCER, ["linger.ms": "1", "enable.idempotence": "true", "acks": "all"])
        defer { rd_kafka_destroy(producer) }
        guard let target = rd_kafka_topic_new(producer, topic, nil) else { throw Self.noClient }
        defer { rd_kafka_topic_destroy(target) }
        var value = [UInt8](repeating: 0x78, count: bytes)
        let begin = FollowBenchmarks.now()
        for number in 0..<records {
            let wait = begin + Double(number) / rate - FollowBenchmarks.now()
            if wait > 0 { usleep(UInt32(wait * 1_000_000)) }
            let code = value.withUnsafeMutableBytes { value in
                value.storeBytes(of: FollowBenchmarks.now(), as: Double.self)
                return weir_kafka_produce(producer, target, 0, 0, nil, 0, value.baseAddress, value.count, nil)
            }
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw WeirError(.storage, "cannot produce: \(String(cString: rd_kafka_err2str(code)))")
            }
            rd_kafka_poll(producer, 0)
        }
        rd_kafka_flush(producer, Int32(Self.secondsMax * 1000))
    }

    private static let noClient = WeirError(.storage, "librdkafka cannot make a client")

    private func client(_ type: rd_kafka_type_t, _ more: [String: String]) throws -> OpaquePointer {
        let configuration = rd_kafka_conf_new()
        for (name, value) in peer.properties.merging(more, uniquingKeysWith: { $1 }) {
            rd_kafka_conf_set(configuration, name, value, nil, 0)
        }
        guard let client = rd_kafka_new(type, configuration, nil, 0) else {
            rd_kafka_conf_destroy(configuration)
            throw Self.noClient
        }
        return client
    }
}
