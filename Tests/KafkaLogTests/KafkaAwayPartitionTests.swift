import Bytes
import CRdKafka
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

/// One thread reads all partitions in turn: what the leader of one does must not stop the others.
@Suite(.mostlyWaits, .hangGuard) struct KafkaAwayPartitionTests {
    private static let topic = "orders"

    /// Two brokers; partition 0 is on the first, partition 1 on the second. Each has some records.
    private static func cluster() throws -> (kafka: MockKafka, log: KafkaLog) {
        let kafka = try MockKafka(brokers: 2)
        try kafka.createTopic(topic, partitions: 2)
        for partition in [Int32(0), 1] {
            let code = rd_kafka_mock_partition_set_leader(kafka.cluster, topic, partition, partition + 1)
            try #require(code == RD_KAFKA_RESP_ERR_NO_ERROR)
        }
        return (kafka, try kafka.log())
    }

    private static func append(_ log: KafkaLog, _ partition: Int, _ values: Range<Int>) throws {
        let appender = try KafkaAppender(log, topic: topic)
        try appender.append(
            encode(values.map { TestRecord(timestamp: 1, key: nil, value: "\($0)") }, partition: partition)
        )
        try appender.close()
    }

    /// Reads all partitions in turn, as a run does, until one is read up to an offset.
    private static func read(_ readers: [any PartitionReader], until partition: Int, at offset: Int64) throws {
        let wakeup = Wakeup()
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            for reader in readers { while try reader.next(maxBytes: 1 << 20) != nil {} }
            if readers[partition].position >= offset { break }
            _ = try wakeup.wait(milliseconds: 200) { (watched) throws(WeirError) in
                for reader in readers where try reader.mayHaveRecords(waking: wakeup, &watched) { return true }
                return false
            }
        }
        #expect(readers[partition].position == offset)
    }

    private static func begin(_ log: KafkaLog) throws -> [any PartitionReader] {
        for partition in 0..<2 { try append(log, partition, 0..<10) }
        let readers = try (0..<2).map { try log.reader(topic: topic, partition: $0, from: 0) }
        for partition in 0..<2 { try read(readers, until: partition, at: 10) }
        return readers
    }

    private static func appendAndRead(_ log: KafkaLog, _ readers: [any PartitionReader]) throws {
        for round in 1...10 {
            try append(log, 0, round * 10..<(round + 1) * 10)
            try read(readers, until: 0, at: Int64(round + 1) * 10)
        }
    }

    @Test func `a partition whose leader is away does not stop the others, and is read on later`() throws {
        let (kafka, log) = try Self.cluster()
        let readers = try Self.begin(log)
        try Self.append(log, 1, 10..<20)
        try kafka.setDown(2)
        try Self.appendAndRead(log, readers)
        try kafka.setUp(2)
        try Self.read(readers, until: 1, at: 20)
    }

    @Test func `a partition without a leader does not stop the others, and is read on later`() throws {
        let (kafka, log) = try Self.cluster()
        let readers = try Self.begin(log)
        let topic = Self.topic
        try #require(rd_kafka_mock_partition_set_leader(kafka.cluster, topic, 1, -1) == RD_KAFKA_RESP_ERR_NO_ERROR)
        try Self.appendAndRead(log, readers)
        // The leader is another broker now.
        try #require(rd_kafka_mock_partition_set_leader(kafka.cluster, topic, 1, 1) == RD_KAFKA_RESP_ERR_NO_ERROR)
        try Self.append(log, 1, 10..<20)
        try Self.read(readers, until: 1, at: 20)
    }

    @Test func `a partition whose leader is slow does not stop the others`() throws {
        let (kafka, log) = try Self.cluster()
        let readers = try Self.begin(log)
        try Self.append(log, 1, 10..<20)
        try #require(rd_kafka_mock_broker_set_rtt(kafka.cluster, 2, 3000) == RD_KAFKA_RESP_ERR_NO_ERROR)
        try Self.appendAndRead(log, readers)
        try Self.read(readers, until: 1, at: 20)
    }
}
