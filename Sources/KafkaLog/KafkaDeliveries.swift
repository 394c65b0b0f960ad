import Bytes
import CRdKafka
import Synchronization

/// Delivery reports of the brokers. librdkafka's callbacks update them while the client is polled.
final class KafkaDeliveries: Sendable {
    struct State {
        /// The offset after the last acknowledged record of each partition.
        var ends: [Int: Int64] = [:]
        /// Partitions with acknowledged records whose offsets are unknown: brokers may omit them after a retry.
        var unknownEnds: Set<Int> = []
        /// The first record that could not be appended.
        var failure: (code: rd_kafka_resp_err_t, partition: Int)?
    }

    let state = Mutex(State())

    static func register(_ configuration: OpaquePointer) {
        rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, _ in
            guard let message, let opaque = message.pointee._private else { return }
            Unmanaged<KafkaDeliveries>.fromOpaque(opaque).takeUnretainedValue().add(message.pointee)
        }
    }

    private func add(_ message: rd_kafka_message_t) {
        let partition = Int(message.partition)
        state.withLock { state in
            guard message.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                if state.failure == nil { state.failure = (message.err, partition) }
                return
            }
            guard message.offset >= 0 else {
                state.unknownEnds.insert(partition)
                return
            }
            state.ends[partition] = max(state.ends[partition] ?? 0, message.offset + 1)
        }
    }
}
