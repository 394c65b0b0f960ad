import Bytes
import CRdKafka
import Foundation

/// Metadata requests about topics. None of them makes the brokers create a topic.
enum KafkaMetadata {
    /// Every topic, sorted.
    static func topics(_ handle: KafkaHandle, _ timeout: Int32) throws(WeirError) -> [String] {
        try request(handle, nil, timeout, "list the topics") { metadata in
            (0..<Int(metadata.topic_cnt)).map { String(cString: metadata.topics[$0].topic) }.sorted()
        }
    }

    /// A broker that has just restarted may not know its topics yet. `learningMilliseconds` is how long to retry;
    /// `troubleSeconds` is how recent an outage must be for that.
    private static let learningMilliseconds = 5000
    private static let troubleSeconds = 30

    /// Partition numbers, ascending. Fails with `notFound` when a broker reports that there is no such topic. Shortly
    /// after an outage it retries first.
    static func partitions(_ handle: KafkaHandle, _ topic: String, _ timeout: Int32) throws(WeirError) -> [Int] {
        let start = ContinuousClock.now
        let deadline = start + .milliseconds(Int(timeout))
        while true {
            let (code, numbers) = try partitionsNow(handle, topic, timeout)
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR where !numbers.isEmpty: return numbers.sorted()
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
                let wasAway = handle.notes.outage(since: start - .seconds(troubleSeconds)) != nil
                guard wasAway, ContinuousClock.now < start + .milliseconds(learningMilliseconds) else {
                    throw missing(topic, among: try topics(handle, timeout), at: handle.brokers)
                }
                usleep(100_000)
            case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
                // The topic has just been created.
                guard ContinuousClock.now < deadline else {
                    throw handle.failure(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "look up topic \(topic)")
                }
                usleep(50_000)
            default: throw handle.failure(code, "look up topic \(topic)")
            }
        }
    }

    static func missing(_ topic: String, among topics: [String], at brokers: String) -> WeirError {
        WeirError(
            .notFound,
            "there is no topic '\(topic)'",
            at: brokers,
            advice: NearestName.advice(for: topic, among: topics.filter { !$0.hasPrefix("__") })
                ?? "create it, or check what this user may see"
        )
    }

    private static func partitionsNow(
        _ handle: KafkaHandle,
        _ topic: String,
        _ timeout: Int32
    ) throws(WeirError) -> (rd_kafka_resp_err_t, [Int]) {
        guard let reference = rd_kafka_topic_new(handle.raw, topic, nil) else {
            throw WeirError(.invalid, "'\(topic)' is no name of a topic", at: handle.brokers)
        }
        defer { rd_kafka_topic_destroy(reference) }
        return try request(handle, reference, timeout, "look up topic \(topic)") { metadata in
            guard metadata.topic_cnt > 0 else { return (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, []) }
            let found = metadata.topics[0]
            return (found.err, (0..<Int(found.partition_cnt)).map { Int(found.partitions[$0].id) })
        }
    }

    /// Requests the metadata of one topic, or of all.
    private static func request<Result>(
        _ handle: KafkaHandle,
        _ topic: OpaquePointer?,
        _ timeout: Int32,
        _ doing: String,
        _ read: (rd_kafka_metadata) -> Result
    ) throws(WeirError) -> Result {
        let deadline = ContinuousClock.now + .milliseconds(Int(timeout))
        var metadata: UnsafePointer<rd_kafka_metadata>?
        var code = rd_kafka_metadata(handle.raw, topic == nil ? 1 : 0, topic, &metadata, max(timeout / 3, 1))
        // The broker that was asked may have just gone away; another one may answer.
        while KafkaFailure.isVague(code), case let left = deadline - .now, left > .zero {
            usleep(20_000)
            let milliseconds = Int32(clamping: max(left.milliseconds, 1))
            code = rd_kafka_metadata(handle.raw, topic == nil ? 1 : 0, topic, &metadata, milliseconds)
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw handle.failure(code, doing) }
        defer { rd_kafka_metadata_destroy(metadata) }
        return read(metadata.pointee)
    }
}
