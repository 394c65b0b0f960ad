import Bytes
import CRdKafka

extension KafkaLog {
    /// Creates a topic; fails with `alreadyExists` when it exists.
    ///
    /// - Parameters:
    ///   - name: of letters, digits, '.', '_' and '-'.
    ///   - partitions: how many; at least one.
    ///   - replication: replication factor; nil for the brokers' default.
    ///   - properties: topic properties, by Kafka's names ("retention.ms").
    public func createTopic(
        _ name: String,
        partitions: Int,
        replication: Int? = nil,
        properties: [String: String] = [:]
    ) throws(WeirError) {
        var said = KafkaText()
        let made = said.fill {
            rd_kafka_NewTopic_new(name, Int32(clamping: partitions), Int32(replication ?? -1), $0, $1)
        }
        guard let topic = made else {
            throw WeirError(.invalid, "cannot create topic '\(name)': \(said.text)", at: client.brokers)
        }
        defer { rd_kafka_NewTopic_destroy(topic) }
        for (key, value) in properties { rd_kafka_NewTopic_set_config(topic, key, value) }
        let queue = rd_kafka_queue_new(client.raw)
        defer { rd_kafka_queue_destroy(queue) }
        let options = rd_kafka_AdminOptions_new(client.raw, RD_KAFKA_ADMIN_OP_CREATETOPICS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        // Returns when every broker knows the topic.
        rd_kafka_AdminOptions_set_operation_timeout(options, timeoutMilliseconds, nil, 0)
        rd_kafka_AdminOptions_set_request_timeout(options, timeoutMilliseconds, nil, 0)
        var topics: [OpaquePointer?] = [topic]
        rd_kafka_CreateTopics(client.raw, &topics, 1, options, queue)
        let doing = "create topic '\(name)'"
        guard let event = rd_kafka_queue_poll(queue, timeoutMilliseconds + 1000) else {
            throw client.failure(RD_KAFKA_RESP_ERR__TIMED_OUT, doing)
        }
        defer { rd_kafka_event_destroy(event) }
        var code = rd_kafka_event_error(event)
        var text = rd_kafka_event_error_string(event).map { String(cString: $0) }
        var count = 0
        if code == RD_KAFKA_RESP_ERR_NO_ERROR, let result = rd_kafka_event_CreateTopics_result(event),
            let created = rd_kafka_CreateTopics_result_topics(result, &count), count > 0
        {
            code = rd_kafka_topic_result_error(created[0])
            text = rd_kafka_topic_result_error_string(created[0]).map { String(cString: $0) }
        }
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        throw client.failure(code, doing, text: text)
    }
}
