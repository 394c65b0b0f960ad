import Bytes
import CRdKafka
import EventLog

/// Sends records to one topic. Used by one thread at a time.
final class KafkaProducer: @unchecked Sendable {
    let topic: String
    let partitions: [Int]
    let handle: KafkaHandle
    let deliveries: KafkaDeliveries
    private let reference: OpaquePointer
    private let timeoutMilliseconds: Int32
    private let patience: KafkaPatience?
    private let deliveryMilliseconds: Int

    /// Fails with `notFound` when there is no such topic.
    ///
    /// - Parameter shared: a client that also sends to other topics; nil to create one.
    init(_ log: KafkaLog, topic: String, handle shared: KafkaHandle? = nil) throws(WeirError) {
        self.topic = topic
        // Ask with the reading client: a producer's metadata request makes many brokers create the topic.
        partitions = try log.partitions(of: topic)
        deliveries = KafkaDeliveries()
        handle = if let shared { shared } else { try KafkaHandle(.producer, log.settings) }
        handle.keep(deliveries)
        timeoutMilliseconds = log.timeoutMilliseconds
        patience = log.patience
        deliveryMilliseconds = log.settings.deliveryMilliseconds
        guard let reference = rd_kafka_topic_new(handle.raw, topic, nil) else {
            throw WeirError(.invalid, "'\(topic)' is no name of a topic", at: handle.brokers)
        }
        self.reference = reference
    }

    deinit {
        rd_kafka_topic_destroy(reference)
    }

    /// Queues records. While the queue is full, it waits at most as long as `flush`.
    func send(_ batch: RawBatch) throws(WeirError) {
        guard partitions.contains(batch.partition) else {
            throw WeirError(
                .notFound,
                "topic '\(topic)' has no partition \(batch.partition)",
                at: handle.brokers,
                advice: "its partitions are \(partitions.map(String.init).joined(separator: ", "))"
            )
        }
        let opaque = Unmanaged.passUnretained(deliveries).toOpaque()
        // An absent key or value is a null pointer, unlike an empty one.
        let base = batch.arena.base
        var wait: KafkaPatience.Wait?
        for record in batch.records {
            while true {
                let code = weir_kafka_produce(
                    handle.raw,
                    reference,
                    Int32(batch.partition),
                    max(record.timestamp, 0),
                    record.keyCount < 0 ? nil : base + Int(record.keyStart),
                    Int(max(record.keyCount, 0)),
                    record.valueCount < 0 ? nil : base + Int(record.valueStart),
                    Int(max(record.valueCount, 0)),
                    opaque
                )
                if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
                guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else { throw failure(code) }
                rd_kafka_poll(handle.raw, 20)
                try checkDeliveries()
                try keepWaiting(&wait)
            }
        }
        rd_kafka_poll(handle.raw, 0)
        try checkDeliveries()
    }

    /// Waits until the brokers have acknowledged everything. Fails with the number of undelivered records when
    /// librdkafka gives up on records (`message.timeout.ms`) or the log's patience is exhausted.
    func flush() throws(WeirError) {
        var wait: KafkaPatience.Wait?
        while rd_kafka_flush(handle.raw, 500) == RD_KAFKA_RESP_ERR__TIMED_OUT {
            try checkDeliveries()
            try keepWaiting(&wait)
        }
        rd_kafka_poll(handle.raw, 0)
        try checkDeliveries()
        if let wait { patience?.end(wait, what: "topic \(topic)") }
        try learnEnds()
    }

    private func keepWaiting(_ wait: inout KafkaPatience.Wait?) throws(WeirError) {
        guard let patience else { return }
        var current = wait ?? patience.begin()
        // librdkafka gives up on records after its timeout; this limit covers cases it misses.
        let bound = deliveryMilliseconds + 30_000
        patience.progress(&current, left: Int(rd_kafka_outq_len(handle.raw)), what: "topic \(topic)")
        let ending = patience.ending(&current, bound: bound, what: "topic \(topic)") { handle.outage }
        wait = current
        guard let ending else { return }
        let count = rd_kafka_outq_len(handle.raw)
        throw WeirError(
            .storage,
            "\(CountText.of(count, "record is", "records are")) not delivered: \(handle.outage ?? ending)",
            at: "topic \(topic) at \(handle.brokers)",
            advice: "start again once the brokers are back: what is not committed is read from the sources again"
        )
    }

    var ends: [Int: Int64] {
        get { deliveries.state.withLock { $0.ends } }
        set { deliveries.state.withLock { $0.ends = newValue } }
    }

    func forgetFailure() { deliveries.state.withLock { $0.failure = nil } }

    func failure(_ code: rd_kafka_resp_err_t, partition: Int? = nil, text: String? = nil) -> WeirError {
        var (code, text) = (code, text)
        if code == RD_KAFKA_RESP_ERR__FATAL {
            var said = KafkaText()
            code = said.fill { rd_kafka_fatal_error(handle.raw, $0, $1) }
            text = said.text
        }
        let location = "topic \(topic)" + (partition.map { ", partition \($0)" } ?? "")
        return handle.failure(code, "append", text: text, at: location)
    }

    private func checkDeliveries() throws(WeirError) {
        if let failed = deliveries.state.withLock({ $0.failure }) {
            throw failure(failed.code, partition: failed.partition)
        }
        if let note = handle.notes.takePermanent() { throw failure(note.code, text: note.text) }
    }

    /// Queries end offsets: after a retry the brokers may acknowledge records without their offsets.
    private func learnEnds() throws(WeirError) {
        for partition in deliveries.state.withLock({ $0.unknownEnds }).sorted() {
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(
                handle.raw,
                topic,
                Int32(partition),
                &low,
                &high,
                timeoutMilliseconds
            )
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw failure(code, partition: partition) }
            deliveries.state.withLock { state in
                state.unknownEnds.remove(partition)
                state.ends[partition] = max(state.ends[partition] ?? 0, high)
            }
        }
    }
}
