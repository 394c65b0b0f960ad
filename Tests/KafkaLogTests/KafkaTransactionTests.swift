import Bytes
import EventLog
import Testing
import WeirTesting

@testable import KafkaLog

/// Transactions on librdkafka's mock brokers, which do not isolate readers and write markers only in newer versions.
@Suite(.mostlyWaits) struct KafkaTransactionTests {
    @Test func `a state is stored with its records`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("out")
        let log = try kafka.log()
        let appender = try KafkaTransactions(log, topic: "out", transactionalID: "t")
        #expect(try appender.committedState() == nil)
        let records = [TestRecord(timestamp: 5, key: "k", value: "v")]
        try appender.commit([encode(records)], state: "one")
        #expect(appender.ends == [0: 1])
        try appender.commit([encode(records), encode(records)], state: String(repeating: "two", count: 9000))
        let end = try #require(appender.ends[0])
        #expect(end == 3 || end == 4, "a marker may be in between")
        // Aborted transactions do not count.
        try appender.append(encode(records))
        try appender.close()
        #expect(appender.ends == [0: end])
        try appender.commit([], state: "three")
        #expect(appender.ends == [0: end])
        #expect(try readToEnd(log.reader(topic: "out", partition: 0, from: 0), end).count == 3)
    }

    @Test func `states are kept as they are, or compressed when that makes them fit`() throws {
        for state in ["", "short", "gzip:not really", String(repeating: "long ", count: 4000)] {
            let encoded = try KafkaTransactionState.encode(state)
            #expect(encoded.utf8.count <= KafkaTransactionState.limit)
            #expect(try KafkaTransactionState.decode(encoded) == state)
        }
        var noise = SystemRandomNumberGenerator()
        let random = String((0..<9000).map { _ in Character(UnicodeScalar(UInt8.random(in: 33...126, using: &noise))) })
        #expect(failure { _ = try KafkaTransactionState.encode(random) }?.code == .invalid)
        #expect(failure { _ = try KafkaTransactionState.decode("gzip:?") }?.code == .corrupt)
    }
}
