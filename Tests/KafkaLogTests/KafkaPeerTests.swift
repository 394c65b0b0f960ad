import Bytes
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

private let given = ProcessInfo.processInfo.environment["WEIR_KAFKA_BROKERS"]

/// Tests against external brokers: those of WEIR_KAFKA_BROKERS (host:port, with WEIR_KAFKA_PROPERTIES as a=b,c=d), or
/// else one installed by `make test-peers`.
@Suite(.serialized, .mostlyWaits, .enabled(if: given != nil || KafkaBroker.isAvailable, "no Kafka broker is installed"))
struct KafkaPeerTests {
    private static func withLog(_ body: (KafkaLog) throws -> Void) throws {
        if let given { return try body(log(given)) }
        try withTemporaryFolder { folder in
            let broker = try KafkaBroker(.noida, folder: folder)
            try withExtendedLifetime(broker) { try body(log(broker.address)) }
        }
    }

    private static func log(_ brokers: String) throws -> KafkaLog {
        var properties = ["bootstrap.servers": brokers]
        for pair in (ProcessInfo.processInfo.environment["WEIR_KAFKA_PROPERTIES"] ?? "").split(separator: ",") {
            let sides = pair.split(separator: "=", maxSplits: 1)
            if sides.count == 2 { properties[String(sides[0])] = String(sides[1]) }
        }
        return try KafkaLog(try KafkaSettings(properties: properties))
    }

    static func name(_ prefix: String) -> String { "\(prefix)-\(UInt32.random(in: 0...UInt32.max))" }

    static func records(_ texts: [String]) -> RawBatch {
        encode(texts.map { TestRecord(timestamp: -1, key: nil, value: $0) })
    }

    @Test func `topics are created, and named when they are missing`() throws {
        try Self.withLog { log in
            let topic = Self.name("made")
            try log.createTopic(topic, partitions: 3, replication: 1)
            #expect(try log.partitions(of: topic) == [0, 1, 2])
            #expect(try log.topics().contains(topic))
            let twice = failure { try log.createTopic(topic, partitions: 3, replication: 1) }
            #expect(twice?.code == .alreadyExists, "\(String(describing: twice))")
            let missing = failure { _ = try log.partitions(of: topic + "x") }
            #expect(missing?.code == .notFound, "\(String(describing: missing))")
            #expect(missing?.advice == "did you mean '\(topic)'?")
            #expect(failure { _ = try KafkaAppender(log, topic: topic + "x") }?.code == .notFound)
            #expect(try !log.topics().contains(topic + "x"))
            let check = try KafkaBrokerCheck(log.settings)
            #expect(check.topics.contains(topic))
            #expect(
                try check.reading(topic, group: Self.name("group")) == KafkaBrokerCheck.Topic(partitions: 3, records: 0)
            )
            #expect(try check.writing(topic).partitions == 3)
            #expect(failure { _ = try check.reading(topic + "x") }?.code == .notFound)
            #expect(failure { _ = try check.writing(topic + "x") }?.code == .notFound)
        }
    }

    @Test func `many records are read back in order, and new ones at once`() throws {
        try Self.withLog { log in
            let topic = Self.name("many")
            try log.createTopic(topic, partitions: 1, replication: 1)
            let count = Int(ProcessInfo.processInfo.environment["WEIR_KAFKA_COUNT"] ?? "") ?? 100_000
            let appender = try KafkaAppender(log, topic: topic)
            let value = String(repeating: "v", count: 190)
            var start = ContinuousClock.now
            // Retention on the broker removes old records.
            let time = Int64(Date().timeIntervalSince1970 * 1000) - Int64(count)
            let middle = time + Int64(count / 2)
            for first in stride(from: 0, to: count, by: 1000) {
                try appender.append(
                    encode(
                        (first..<(first + 1000)).map {
                            TestRecord(timestamp: time + Int64($0), key: "\($0)", value: value)
                        }
                    )
                )
            }
            try appender.flush()
            print("append: \(count) records of 200 bytes in \(ContinuousClock.now - start)")
            #expect(appender.ends == [0: Int64(count)])
            start = .now
            let reader = try log.reader(topic: topic, partition: 0, from: 0)
            var next: Int64 = 0
            var longest = Duration.zero
            while next < count {
                let before = ContinuousClock.now
                if let batch = try reader.next(maxBytes: 1 << 20) {
                    for record in batch.records {
                        guard record.offset == next, record.valueCount == 190 else {
                            Issue.record("offset \(record.offset) in place of \(next)")
                            return
                        }
                        next += 1
                    }
                } else if try !reader.waitForRecords(timeoutMilliseconds: 5000) {
                    break
                }
                longest = max(longest, .now - before)
            }
            #expect(next == count)
            print("read: \(count) records in \(ContinuousClock.now - start), longest wait \(longest)")
            // Some brokers tell where the batch begins, or the end, in place of the record.
            #expect((0...Int64(count)).contains(try log.offset(topic: topic, partition: 0, notBefore: middle)))

            var latencies: [Duration] = []
            for _ in 0..<20 {
                _ = try reader.waitForRecords(timeoutMilliseconds: 20)
                let sent = ContinuousClock.now
                try appender.append(Self.records(["new"]))
                while try reader.next(maxBytes: 1000) == nil {
                    _ = try reader.waitForRecords(timeoutMilliseconds: 5000)
                }
                latencies.append(.now - sent)
            }
            latencies.sort()
            print("append to read: median \(latencies[10]), longest \(latencies[19])")
            try appender.close()
        }
    }

    @Test func `transactions are read whole or not at all, and their state is found again`() throws {
        try Self.withLog { log in
            let topic = Self.name("txn")
            try log.createTopic(topic, partitions: 1, replication: 1)
            let id = Self.name("id")
            let first = try KafkaTransactions(log, topic: topic, transactionalID: id)
            #expect(try first.committedState() == nil)
            try first.commit([Self.records(["a", "b"])], state: "one")
            let reader = try log.reader(topic: topic, partition: 0, from: 0)
            #expect(try readToEnd(reader, log.offsets(topic: topic, partition: 0).end).map(\.value) == ["a", "b"])

            // An open transaction is behind the end.
            let (_, end) = try log.offsets(topic: topic, partition: 0)
            try first.append(Self.records(["open"]))
            try first.flush()
            #expect(try log.offsets(topic: topic, partition: 0).end == end)
            #expect(try reader.next(maxBytes: 1000) == nil)
            // An aborted transaction: its records are never delivered, but the position passes them.
            try first.close()
            let after = try log.offsets(topic: topic, partition: 0).end
            #expect(after > end)
            #expect(try readToEnd(reader, after) == [])
            #expect(reader.position == after)

            try first.commit([Self.records(["c"])], state: String(repeating: "two", count: 5000))
            let second = try KafkaTransactions(log, topic: topic, transactionalID: id)
            #expect(try second.committedState() == String(repeating: "two", count: 5000))
            try second.commit([Self.records(["d"])], state: "three")
            let fenced = failure { try first.commit([Self.records(["zombie"])], state: "four") }
            #expect(fenced?.code == .conflict, "\(String(describing: fenced))")
            #expect(try second.committedState() == "three")
            let last = try log.offsets(topic: topic, partition: 0).end
            let all = try readToEnd(log.reader(topic: topic, partition: 0, from: 0), last)
            #expect(all.map(\.value) == ["a", "b", "c", "d"])
        }
    }

    @Test func `members of a group share partitions and hand them over`() throws {
        try Self.withLog { log in
            let topic = Self.name("shared")
            try log.createTopic(topic, partitions: 4, replication: 1)
            let group = Self.name("group")
            let first = try log.join(group: group, topics: [topic], pattern: nil)
            #expect(try KafkaGroupTests.settle([(first, 4)]) != nil)
            let second = try log.join(group: group, topics: [], pattern: "\(topic.dropLast(2)).*")
            let shared = try #require(try KafkaGroupTests.settle([(first, 2), (second, 2)]))
            #expect(try second.commit([shared[1][0]: 8]))
            // A commit does not wait for its answer, and brokers refuse one that a rebalance overtakes.
            let partition = shared[1][0].partition
            let deadline = ContinuousClock.now + .seconds(60)
            while try log.committedOffset(group: group, topic: topic, partition: partition) != 8 {
                try #require(ContinuousClock.now < deadline, "the offset is not committed")
                usleep(10_000)
            }
            first.leave()
            #expect(try KafkaGroupTests.settle([(second, 4)]) != nil)
            #expect(try log.committedOffset(group: group, topic: topic, partition: partition) == 8)
            second.leave()
        }
    }
}
