import Bytes
import CRdKafka
import EventLog
import Foundation
import Synchronization
import Testing
import WeirTesting

@testable import KafkaLog

/// Writing to brokers that become unavailable and return.
@Suite(.mostlyWaits) struct KafkaPatienceTests {
    /// Collects notices.
    final class Notices: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    static let records = [
        TestRecord(timestamp: 5, key: "k", value: "v"), TestRecord(timestamp: 6, key: "l", value: "w"),
    ]

    static func log(
        _ kafka: MockKafka,
        _ patience: KafkaPatience?,
        _ properties: [String: String] = [:]
    ) throws -> KafkaLog {
        let all = properties.merging(["bootstrap.servers": kafka.brokers, "reconnect.backoff.max.ms": "200"]) { $1 }
        return try KafkaLog(try KafkaSettings(properties: all), timeoutMilliseconds: 1000, patience: patience)
    }

    /// Brings the broker back after its absence was reported.
    static func bringBack(_ kafka: MockKafka, after notices: Notices) {
        Thread.detachNewThread {
            let deadline = Date(timeIntervalSinceNow: 60)
            while notices.all.isEmpty, Date() < deadline { usleep(20_000) }
            #expect(throws: Never.self) { try kafka.setUp() }
        }
    }

    @Test func `ends are asked for in one call and agree with those asked for one by one`() throws {
        let kafka = try MockKafka(brokers: 3)
        try kafka.createTopic("orders", partitions: 6)
        let log = try kafka.log()
        let appender = try KafkaAppender(log, topic: "orders")
        for partition in 0..<5 {
            for _ in 0...partition { try appender.append(encode(Self.records, partition: partition)) }
        }
        try appender.flush()
        let ends = try log.ends(topic: "orders", partitions: Array(0..<6))
        for partition in 0..<6 {
            #expect(ends[partition] == (try log.offsets(topic: "orders", partition: partition).end))
        }
        #expect(ends == [0: 2, 1: 4, 2: 6, 3: 8, 4: 10, 5: 0])
    }

    @Test func `a question waits for brokers that come back, and says so`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 2)
        let notices = Notices()
        let log = try Self.log(kafka, KafkaPatience(onNotice: notices.add))
        #expect(try log.ends(topic: "orders", partitions: [0, 1]) == [0: 0, 1: 0])
        try kafka.setDown()
        Self.bringBack(kafka, after: notices)
        #expect(try log.ends(topic: "orders", partitions: [0, 1]) == [0: 0, 1: 0])
        #expect(notices.all.first?.contains("topic orders waits for brokers") == true, "\(notices.all)")
        #expect(notices.all.last?.contains("answer again") == true, "\(notices.all)")
        // A caller that does not need the answer does not wait for it.
        try kafka.setDown()
        let before = notices.all
        #expect(failure { _ = try log.endsAtOnce(topic: "orders", partitions: [0]) }?.code == .storage)
        #expect(notices.all == before)
        try kafka.setUp()
        // Without patience, the first timeout is an error.
        let impatient = try Self.log(kafka, nil)
        #expect(try impatient.ends(topic: "orders", partitions: [0]) == [0: 0])
        try kafka.setDown()
        #expect(failure { _ = try impatient.ends(topic: "orders", partitions: [0]) }?.code == .storage)
    }

    @Test func `records wait for brokers that come back, and are delivered once`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders")
        let notices = Notices()
        let log = try Self.log(kafka, KafkaPatience(onNotice: notices.add))
        let appender = try KafkaAppender(log, topic: "orders")
        try appender.append(encode(Self.records))
        try appender.flush()
        try kafka.setDown()
        Self.bringBack(kafka, after: notices)
        try appender.append(encode(Self.records))
        try appender.flush()
        #expect(notices.all.count >= 2, "\(notices.all)")
        #expect(try log.ends(topic: "orders", partitions: [0]) == [0: 4])
        #expect(try readToEnd(log.reader(topic: "orders", partition: 0, from: 0), 4).count == 4)
    }

    /// A clock that advances by sleeps and manually.
    final class Clock: Sendable {
        private let ahead = Mutex(Duration.zero)
        private let start = ContinuousClock.now
        var now: ContinuousClock.Instant { start + ahead.withLock { $0 } }
        func advance(_ time: Duration) { ahead.withLock { $0 += time } }
    }

    @Test func `a wait ends with its bound, or soon after the run is to stop, and tells what waits now and then`() {
        let clock = Clock()
        let notices = Notices()
        let patience = KafkaPatience(onNotice: notices.add, now: { clock.now }, sleep: { clock.advance($0) })
        func attempts(_ bound: Int, stoppingAfter stop: Int? = nil) -> (count: Int, seconds: Int64, why: String) {
            var wait = patience.begin()
            let start = clock.now
            for count in 0... {
                if count == stop { patience.stop() }
                if let why = patience.ending(&wait, bound: bound, what: "topic t", cause: { "gone" }) {
                    return (count, (clock.now - start).components.seconds, why)
                }
                patience.pause(&wait)
            }
            return (0, 0, "")
        }
        let bounded = attempts(300_000)
        #expect(bounded.seconds >= 300 && bounded.seconds < 306)
        // Retries are fast at first, then every five seconds. Messages follow after three seconds and then every
        // minute.
        #expect(bounded.count > 60 && bounded.count < 75, "\(bounded)")
        #expect(notices.all.count == 5, "\(notices.all)")
        #expect(
            notices.all.allSatisfy {
                $0.contains("topic t waits") && $0.contains("gone") && $0.contains("300 s at most")
            }
        )
        let stopped = attempts(300_000, stoppingAfter: 10)
        #expect(stopped.why.contains("the run is to end"))
        #expect(stopped.seconds < 60, "\(stopped)")
        // Waits that begin after the stop end early as well.
        #expect(attempts(300_000).seconds <= 15)
    }

    @Test func `a flush under way ends soon after the run is to stop and says how much is not delivered`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders")
        let clock = Clock()
        let patience = KafkaPatience(onNotice: { _ in }, now: { clock.now })
        let log = try Self.log(kafka, patience)
        let appender = try KafkaAppender(log, topic: "orders")
        try kafka.setDown()
        try appender.append(encode(Self.records))
        Thread.detachNewThread {
            usleep(300_000)
            patience.stop()
            // The test moves the clock: librdkafka would retry for five minutes.
            for _ in 0..<600 {
                clock.advance(.seconds(1))
                usleep(20_000)
            }
        }
        let error = failure { try appender.flush() }
        #expect(error?.code == .storage)
        #expect(error?.description.contains("2 records are not delivered") == true, "\(error as Any)")
        #expect(error?.description.contains("topic orders") == true, "\(error as Any)")
    }

    @Test func `a wait in which something comes goes on, and a stop gives all that wait in vain one chance`() {
        let clock = Clock()
        let notices = Notices()
        let patience = KafkaPatience(onNotice: notices.add, now: { clock.now }, sleep: { clock.advance($0) })
        func ending(_ wait: inout KafkaPatience.Wait) -> String? {
            patience.ending(&wait, bound: 60_000, what: "topic t") { nil }
        }
        func seconds() -> Int64 {
            var wait = patience.begin()
            let start = clock.now
            while ending(&wait) == nil { clock.advance(.milliseconds(100)) }
            return (clock.now - start).components.seconds
        }
        // Ten minutes in which one record is sent every half minute, before and after the stop.
        var wait = patience.begin()
        for left in (0..<20).reversed() {
            patience.progress(&wait, left: left, what: "topic t")
            clock.advance(.seconds(30))
            #expect(ending(&wait) == nil)
        }
        #expect(notices.all.count { $0.contains("answer again") } == 19, "\(notices.all)")
        patience.stop()
        for left in (0..<20).reversed() {
            patience.progress(&wait, left: left + 100, what: "topic t")
            patience.progress(&wait, left: left, what: "topic t")
            clock.advance(.seconds(4))
            #expect(ending(&wait) == nil)
        }
        #expect(seconds() == 5)
        #expect(seconds() == 1)
        #expect(seconds() == 1)
        #expect(patience.step(most: 15_000) == 1000)
    }

    @Test func `transactions do not outlast a stop while the brokers are away`() throws {
        let kafka = try MockKafka()
        for topic in ["a", "b", "c"] { try kafka.createTopic(topic) }
        let patience = KafkaPatience(onNotice: { _ in })
        let all = ["bootstrap.servers": kafka.brokers, "reconnect.backoff.max.ms": "200"]
        let log = try KafkaLog(try KafkaSettings(properties: all), patience: patience)
        let client = try KafkaTransactionalClient(log, transactionalID: "id")
        let topics = try ["a", "b", "c"].map { try KafkaTransactions(client, topic: $0, stateID: $0) }
        try topics[0].commit([encode(Self.records)], state: "s")
        try kafka.setDown()
        patience.stop()
        let start = ContinuousClock.now
        for topic in topics {
            #expect(failure { try topic.commit([encode(Self.records)], state: "t") } != nil)
        }
        // Each call would wait for one minute, and for another one to give up.
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test func `a broker that has come back is asked again before a topic counts as missing`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 2)
        let log = try Self.log(kafka, nil)
        #expect(try log.partitions(of: "orders") == [0, 1])
        try kafka.setDown()
        #expect(failure { _ = try log.partitions(of: "orders") }?.code == .storage)
        rd_kafka_mock_topic_set_error(kafka.cluster, "orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        try kafka.setUp()
        Thread.detachNewThread {
            usleep(700_000)
            rd_kafka_mock_topic_set_error(kafka.cluster, "orders", RD_KAFKA_RESP_ERR_NO_ERROR)
        }
        let deadline = ContinuousClock.now + .seconds(120)
        var found: Result<[Int], any Error> = .success([])
        repeat {
            found = Result { try log.partitions(of: "orders") }
        } while Self.isAway(found) && ContinuousClock.now < deadline
        #expect(try found.get() == [0, 1])
        // A topic that stays unknown is missing.
        rd_kafka_mock_topic_set_error(kafka.cluster, "orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        #expect(failure { _ = try log.partitions(of: "orders") }?.code == .notFound)
    }

    /// Whether the failure says that no broker answered.
    private static func isAway(_ found: Result<[Int], any Error>) -> Bool {
        if case .failure(let error) = found { return (error as? WeirError)?.code == .storage }
        return false
    }

    @Test func `the bound is the time that a producer gives its records`() throws {
        func bound(_ properties: [String: String]) throws -> Int {
            try KafkaSettings(properties: properties.merging(["bootstrap.servers": "a:1"]) { $1 }).deliveryMilliseconds
        }
        #expect(try bound([:]) == 300_000)
        #expect(try bound(["delivery.timeout.ms": "60000"]) == 60_000)
        #expect(try bound(["message.timeout.ms": "45000"]) == 45_000)
        #expect(try bound(["message.timeout.ms": "0"]) > 1_000_000_000)
    }
}
