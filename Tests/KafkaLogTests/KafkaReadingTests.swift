import Bytes
import CRdKafka
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

/// Appending and reading through librdkafka's mock brokers.
@Suite(.mostlyWaits) struct KafkaReadingTests {
    static let records = [
        TestRecord(timestamp: 1_700_000_000_000, key: "a", value: "one"),
        TestRecord(timestamp: 1_700_000_001_000, key: nil, value: "no key"),
        TestRecord(timestamp: 1_700_000_002_000, key: "a", value: nil),
        TestRecord(timestamp: 1_700_000_003_000, key: "", value: ""),
        TestRecord(timestamp: 1_700_000_004_000, key: "b", value: String(repeating: "x", count: 5000)),
    ]

    static func filled(_ kafka: MockKafka, _ log: KafkaLog) throws {
        try kafka.createTopic("orders", partitions: 2)
        let appender = try KafkaAppender(log, topic: "orders")
        #expect(appender.partitions == [0, 1])
        try appender.append(encode(records, partition: 1))
        try appender.close()
        #expect(appender.ends == [1: 5])
    }

    @Test func `what is appended is read back, tombstones and missing keys too`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log()
        try Self.filled(kafka, log)
        #expect(try log.topics() == ["orders"])
        #expect(try log.partitions(of: "orders") == [0, 1])
        #expect(try log.offsets(topic: "orders", partition: 0) == (0, 0))
        #expect(try log.offsets(topic: "orders", partition: 1) == (0, 5))
        let found = try readToEnd(log.reader(topic: "orders", partition: 1, from: 0), 5)
        #expect(found.map(\.offset) == [0, 1, 2, 3, 4])
        #expect(found.map(\.key) == Self.records.map(\.key))
        #expect(found.map(\.value) == Self.records.map(\.value))
        #expect(found.map(\.timestamp) == Self.records.map(\.timestamp))
        // A second reader of the same partition, and one from the middle.
        let middle = try log.reader(topic: "orders", partition: 1, from: 3)
        let another = try log.reader(topic: "orders", partition: 1, from: 4)
        #expect(try readToEnd(another, 5).map(\.offset) == [4])
        #expect(try readToEnd(middle, 5).map(\.offset) == [3, 4])
    }

    @Test func `a batch has at most the bytes asked for, and at least one record`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log()
        try Self.filled(kafka, log)
        let reader = try log.reader(topic: "orders", partition: 1, from: 0)
        var sizes: [Int] = []
        while reader.position < 5 {
            if let batch = try reader.next(maxBytes: 10) {
                sizes.append(batch.count)
                #expect(reader.position == batch.records[batch.count - 1].offset + 1)
            } else {
                try #require(try reader.waitForRecords(timeoutMilliseconds: 5000))
            }
        }
        // "a" + "one" + "no key" are 10 bytes; then a tombstone with its key and the empty record; then the long one.
        #expect(sizes == [2, 2, 1])
        #expect(try reader.next(maxBytes: 10) == nil)
        #expect(try !reader.waitForRecords(timeoutMilliseconds: 50))
    }

    @Test func `a record in any of several partitions signals the wakeup that waits for all`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log(["fetch.wait.max.ms": "20"])
        try kafka.createTopic("orders", partitions: 3)
        let appender = try KafkaAppender(log, topic: "orders")
        let readers = try (0..<3).map { try log.reader(topic: "orders", partition: $0, from: 0) }
        let wakeup = Wakeup()
        func look(_ watched: inout [Int32]) throws(WeirError) -> Bool {
            var isReady = false
            for reader in readers where try reader.mayHaveRecords(waking: wakeup, &watched) { isReady = true }
            return isReady
        }
        for (turn, partition) in [1, 2, 0, 2].enumerated() {
            // The end of a partition wakes the reader once as well, without a record.
            while try wakeup.wait(milliseconds: 300, until: look) {
                #expect(try readers.allSatisfy { try $0.next(maxBytes: 1000) == nil })
            }
            try appender.append(encode([TestRecord(timestamp: -1, key: nil, value: "\(turn)")], partition: partition))
            var isRead = false
            for _ in 0..<100 where !isRead {
                // Without the check that `wait` makes itself.
                var watch = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
                #expect(poll(&watch, 1, 10_000) == 1)
                isRead = try wakeup.wait(milliseconds: 0, until: look)
            }
            #expect(try readers[partition].next(maxBytes: 1000).map(decode)?.map(\.value) == ["\(turn)"])
        }
        try appender.close()
    }

    @Test func `a waiting reader has a new record within milliseconds`() throws {
        let kafka = try MockKafka()
        // The mock answers a fetch only when its time is over, unlike real brokers.
        let log = try kafka.log(["fetch.wait.max.ms": "20"])
        try kafka.createTopic("orders")
        let appender = try KafkaAppender(log, topic: "orders")
        let reader = try log.reader(topic: "orders", partition: 0, from: 0)
        var best = Duration.seconds(9)
        for number in 0..<5 {
            _ = try reader.waitForRecords(timeoutMilliseconds: 100)
            let start = ContinuousClock.now
            try appender.append(encode([TestRecord(timestamp: -1, key: nil, value: "\(number)")]))
            while try reader.next(maxBytes: 1000) == nil { _ = try reader.waitForRecords(timeoutMilliseconds: 5000) }
            best = min(best, .now - start)
        }
        #expect(best < .milliseconds(250), "the fastest of five took \(best)")
        print("append to read: \(best)")
        try appender.close()
    }

    @Test func `records that are too large are refused`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log(["message.max.bytes": "2000"])
        try kafka.createTopic("orders")
        let appender = try KafkaAppender(log, topic: "orders")
        let large = failure { try appender.append(encode(Self.records)) }
        #expect(large?.code == .invalid, "\(String(describing: large))")
        #expect(large?.advice?.contains("message.max.bytes") == true)
        #expect(failure { try appender.append(encode(Self.records, partition: 5)) }?.code == .notFound)
    }

    @Test func `missing topics and partitions are named`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log()
        try Self.filled(kafka, log)
        let partition = failure { _ = try log.reader(topic: "orders", partition: 7, from: 0) }
        #expect(partition?.code == .notFound)
        #expect(partition?.message == "topic 'orders' has no partition 7", "\(String(describing: partition))")
        #expect(partition?.advice == "its partitions are 0, 1")
    }

    @Test func `offsets beyond the end are refused, and offsets that were removed are lost`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log()
        try Self.filled(kafka, log)
        let beyond = failure { _ = try log.reader(topic: "orders", partition: 1, from: 9) }
        #expect(beyond?.code == .invalid, "\(String(describing: beyond))")
        #expect(beyond?.message == "offset 9 lies beyond the end, which is offset 5", "\(String(describing: beyond))")
        let lost = failure { _ = try log.reader(topic: "orders", partition: 1, from: -3) }
        #expect(lost?.code == .notFound)
        #expect(lost?.message == "offsets -3 to -1 are lost: the topic begins at offset 0")
    }

    @Test func `a reader is told when the brokers no longer have its offset`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log()
        try Self.filled(kafka, log)
        let errors = [RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE]
        rd_kafka_mock_push_request_errors_array(kafka.cluster, 1, errors.count, errors)
        let lost = failure { _ = try readToEnd(log.reader(topic: "orders", partition: 1, from: 2), 5) }
        #expect(lost?.code == .notFound, "\(String(describing: lost))")
        #expect(lost?.message.contains("are lost: the topic begins at offset 0") == true, "\(String(describing: lost))")
    }

    /// A waiting reader does not know the rule for lost offsets, and librdkafka reports lost offsets only once.
    @Test func `that offsets are lost is told by reading, again and again, and never by waiting`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log(["fetch.wait.max.ms": "20"])
        try Self.filled(kafka, log)
        for isWoken in [false, true] {
            let errors = [RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE]
            rd_kafka_mock_push_request_errors_array(kafka.cluster, 1, errors.count, errors)
            let reader = try log.reader(topic: "orders", partition: 1, from: 2)
            if isWoken {
                let wakeup = Wakeup()
                let isReady = try wakeup.wait(milliseconds: 10_000) { (watched) throws(WeirError) in
                    try reader.mayHaveRecords(waking: wakeup, &watched)
                }
                #expect(isReady)
            } else {
                #expect(try reader.waitForRecords(timeoutMilliseconds: 10_000))
            }
            for _ in 0..<3 {
                #expect(failure { _ = try reader.next(maxBytes: 1000) }?.code == .notFound)
                #expect(try reader.waitForRecords(timeoutMilliseconds: 0))
            }
        }
    }

    /// librdkafka 2.0 checks only once a second whether a full queue has room again.
    @Test func `reading goes on at once after fetching ahead has stopped`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("many")
        let log = try kafka.log([
            "queued.max.messages.kbytes": "256", "fetch.message.max.bytes": "32768", "fetch.wait.max.ms": "10",
        ])
        let appender = try KafkaAppender(log, topic: "many")
        let thousand = (0..<1000).map { _ in
            TestRecord(timestamp: 5, key: nil, value: String(repeating: "v", count: 200))
        }
        for _ in 0..<10 { try appender.append(encode(thousand)) }
        try appender.close()
        let reader = try log.reader(topic: "many", partition: 0, from: 0)
        var pauses = 0
        while reader.position < 10_000 {
            let start = ContinuousClock.now
            if try reader.next(maxBytes: 20_000) == nil {
                try #require(try reader.waitForRecords(timeoutMilliseconds: 5000))
            }
            // The first wait is for connecting.
            if reader.position > 1000, .now - start > .milliseconds(500) { pauses += 1 }
            usleep(2000)
        }
        // It would wait for each of eight queues. On a busy machine one wait may occur.
        #expect(pauses < 3)
    }

    @Test func `opening partitions does not wait for those that have nothing new`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("idle", partitions: 12)
        let log = try kafka.log()
        #expect(try log.offsets(topic: "idle", partition: 0) == (0, 0))
        var slow = 0
        var readers: [any PartitionReader] = []
        for partition in 0..<12 {
            let start = ContinuousClock.now
            readers.append(try log.reader(topic: "idle", partition: partition, from: 0))
            if .now - start > .milliseconds(300) { slow += 1 }
        }
        // A broker answers the requests of a connection in order and holds a fetch without records for 500 ms. On a
        // busy
        // machine one wait may occur.
        #expect(slow < 4 && readers.count == 12)
    }

    /// librdkafka's own bound applies per partition, so many partitions would use a multiple of it.
    @Test func `what is fetched ahead of slow readers is bounded for all partitions together`() throws {
        let kafka = try MockKafka()
        let partitions = 16
        try kafka.createTopic("backlog", partitions: Int32(partitions))
        let log = try kafka.log(["batch.size": "32768", "fetch.wait.max.ms": "10"])
        let appender = try KafkaAppender(log, topic: "backlog")
        let records = (0..<300).map { _ in
            TestRecord(timestamp: 5, key: nil, value: String(repeating: "v", count: 10_000))
        }
        for partition in 0..<partitions { try appender.append(encode(records, partition: partition)) }
        try appender.close()

        func mostQueued() throws -> Int {
            let readers = try (0..<partitions).map { try log.reader(topic: "backlog", partition: $0, from: 0) }
            var most = 0
            var read = 0
            let deadline = ContinuousClock.now + .seconds(120)
            while read < partitions * records.count, ContinuousClock.now < deadline {
                // Long enough for all records to arrive.
                if read == 0 { usleep(1_500_000) }
                most = max(most, try readers.map(Self.queuedBytes).reduce(0, +))
                for reader in readers { read += try reader.next(maxBytes: 200_000)?.count ?? 0 }
                usleep(5000)
            }
            #expect(read == partitions * records.count)
            return most
        }

        // The broker holds 48 MB.
        #expect(try mostQueued() > 40_000_000)
        log.willRead(partitions: partitions, aheadBytes: 8 << 20)
        let most = try mostQueued()
        // Half a megabyte for each partition, and one response of that size plus one batch.
        #expect(most < 20_000_000 && most > 4_000_000, "\(most)")
    }

    /// Bytes of values that librdkafka has fetched and the reader has not taken.
    private static func queuedBytes(_ reader: any PartitionReader) throws -> Int {
        let lease = try #require(reader as? KafkaPartitionReader).lease
        let (topic, number) = (lease.partition.topic, Int32(lease.partition.partition))
        let queue = try #require(rd_kafka_queue_get_partition(lease.handle.raw, topic, number))
        defer { rd_kafka_queue_destroy(queue) }
        return rd_kafka_queue_length(queue) * 10_000
    }

    @Test func `what the user says about fetching ahead stands`() throws {
        let given = try KafkaFailureTests.settings("a:1", ["queued.max.messages.kbytes": "512"])
        let prefetch = KafkaPrefetch(given, partitions: 100, aheadBytes: 100 << 20)
        #expect(prefetch.bytes == 512 << 10 && prefetch.records == 4096)
        let few = KafkaPrefetch(try KafkaFailureTests.settings("a:1"), partitions: 2, aheadBytes: 100 << 20)
        #expect(few.bytes == 16 << 20 && few.properties["fetch.message.max.bytes"] == "1048576")
        let many = KafkaPrefetch(try KafkaFailureTests.settings("a:1"), partitions: 9000, aheadBytes: 100 << 20)
        #expect(many.bytes == 256 << 10 && many.properties["fetch.message.max.bytes"] == "262144")
    }

    @Test func `brokers that go away and come back are waited for`() throws {
        let kafka = try MockKafka()
        let log = try kafka.log()
        try Self.filled(kafka, log)
        let reader = try log.reader(topic: "orders", partition: 1, from: 0)
        #expect(try readToEnd(reader, 5).count == 5)
        try kafka.setDown()
        #expect(try !reader.waitForRecords(timeoutMilliseconds: 300))
        #expect(try reader.next(maxBytes: 100) == nil)
        try kafka.setUp()
        let appender = try KafkaAppender(log, topic: "orders")
        try appender.append(encode(Self.records, partition: 1))
        try appender.close()
        #expect(try readToEnd(reader, 10).count == 5)
    }
}
