import Bytes
import EventLog
import Foundation
import KafkaLog
import StreamRuntime
import Synchronization

/// Latency from the append of an event to the source until a reader that follows the table's LogStore on a broker has
/// its row. Compared with the latency of a record of the same size through the same broker at the same rate.
enum KafkaFollowBenchmark {
    static func run() throws {
        let folder = Benchmark.folder("follow-kafka")
        defer { Benchmark.remove(folder) }
        // Readers of a LogStore rely on end offsets, and tansu reports end offsets before its last records.
        guard let peer = try KafkaPeer.start(in: folder, [.noida]) else {
            return Benchmark.skip("append to read --follow through the Kafka LogStore", KafkaPeer.missingReason)
        }
        let topics = Topics()
        let store = LogStoreFollowBenchmark.Store(name: "Kafka", hasGoal: false) { _ in
            let topic = topics.next()
            let log = try peer.log()
            // Each case has its own topic: this broker sends all unread records in one response.
            try log.createTopic(topic, partitions: 1, replication: 1)
            return LogStoreOutput(
                log: log,
                appender: try KafkaAppender(log, topic: topic),
                settings: try LogStoreFollowBenchmark.Store.settings("kafka", topic: topic, address: peer.address)
            )
        }
        for share in LogStoreFollowBenchmark.shares {
            try LogStoreFollowBenchmark.run(share: share, store: store)
            try roundTrip(peer, like: topics.last, topics.next())
        }
    }

    /// Topic names, each used once.
    private final class Topics: Sendable {
        private let count = Mutex(0)

        var last: String { "changes-\(count.withLock { $0 })" }

        func next() -> String {
            count.withLock { $0 += 1 }
            return last
        }
    }

    /// Sends as many records as the LogStore received, in the same time and with their mean size.
    private static func roundTrip(_ peer: KafkaPeer, like topic: String, _ other: String) throws {
        let log = try peer.log()
        let end = try log.offsets(topic: topic, partition: 0).end
        let reader = try log.reader(topic: topic, partition: 0, from: 0)
        var bytes = 0
        while reader.position < end {
            if let batch = try reader.next(maxBytes: 4 << 20) {
                bytes += batch.records.reduce(0) { $0 + Int(max($1.valueCount, 0)) }
            } else if try !reader.waitForRecords(timeoutMilliseconds: 5000) {
                throw WeirError(.storage, "the broker does not send what it has", at: "topic \(topic)")
            }
        }
        let rate = Double(end) / LogStoreFollowBenchmark.seconds
        let size = max(KafkaRoundTrip.sizeMin, bytes / max(1, Int(end)))
        try log.createTopic(other, partitions: 1, replication: 1)
        let trip = KafkaRoundTrip(peer, topic: other, records: Int(end), rate: rate, bytes: size)
        let delays = try trip.measure()
        Benchmark.line(
            "… beside the broker's own round trip, p99",
            Benchmark.milliseconds(Benchmark.percentile(delays, 0.99)),
            detail:
                "p50 \(Benchmark.milliseconds(Benchmark.percentile(delays, 0.5))), bare librdkafka on \(peer.kind), "
                + "\(delays.count) records of \(size) bytes at \(Int(rate))/s"
        )
    }
}
