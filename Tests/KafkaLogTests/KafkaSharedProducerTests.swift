import Bytes
import EventLog
import Foundation
import Synchronization
import Testing
import WeirTesting

@testable import KafkaLog

/// One producer that appends to several topics in transactions, on librdkafka's mock brokers, which store no states.
@Suite(.mostlyWaits) struct KafkaSharedProducerTests {
    private static let records = [TestRecord(timestamp: 5, key: "k", value: "v")]

    @Test func `topics that share a producer commit one after the other, each with its state`() throws {
        let kafka = try MockKafka()
        let topics = (0..<5).map { "out\($0)" }
        for topic in topics { try kafka.createTopic(topic) }
        let log = try kafka.log()
        let client = try KafkaTransactionalClient.shared(log, transactionalID: "t")
        #expect(try KafkaTransactionalClient.shared(log, transactionalID: "t") === client)
        let appenders = try topics.map { try KafkaTransactions(client, topic: $0, stateID: "t-\($0)") }
        for appender in appenders { #expect(try appender.committedState() == nil) }
        // All at once: transactions of one producer must not mix.
        let failures = Mutex<[String]>([])
        let done = DispatchSemaphore(value: 0)
        for (index, appender) in appenders.enumerated() {
            Thread.detachNewThread {
                do {
                    for round in 0..<4 {
                        try appender.commit(
                            Array(repeating: encode(Self.records), count: index + 1),
                            state: "\(index) \(round)"
                        )
                    }
                } catch { failures.withLock { $0.append("\(error)") } }
                done.signal()
            }
        }
        for _ in appenders { done.wait() }
        #expect(failures.withLock { $0 } == [])
        for (index, appender) in appenders.enumerated() {
            #expect(appender.count == 4)
            let end = try #require(appender.ends[0])
            let found = try readToEnd(log.reader(topic: topics[index], partition: 0, from: 0), end)
            #expect(found.count == 4 * (index + 1))
        }
    }

    @Test func `a topic that gives its transaction up lets the others go on`() throws {
        let kafka = try MockKafka()
        for topic in ["a", "b"] { try kafka.createTopic(topic) }
        let log = try kafka.log()
        let client = try KafkaTransactionalClient.shared(log, transactionalID: "t")
        let a = try KafkaTransactions(client, topic: "a", stateID: "t-a")
        let b = try KafkaTransactions(client, topic: "b", stateID: "t-b")
        try a.append(encode(Self.records))
        try a.close()
        try b.commit([encode(Self.records)], state: "one")
        // A batch for a partition that does not exist fails, and its transaction is aborted.
        #expect(failure { try a.commit([encode(Self.records, partition: 7)], state: "no") }?.code == .notFound)
        try b.commit([encode(Self.records)], state: "two")
        #expect(b.count == 2 && a.count == 0)
    }

    @Test func `an id that this process has is not shut out, others are taken over and let go`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("out")
        let log = try kafka.log()
        let client = try KafkaTransactionalClient.shared(log, transactionalID: "t")
        let appender = try KafkaTransactions(client, topic: "out", stateID: "t-out")
        try appender.commit([encode(Self.records)], state: "one")
        try KafkaTransactionalClient.shutOut(log, transactionalID: "t")
        try appender.shutOut(writer: appender.writer)
        try appender.commit([encode(Self.records)], state: "two")
        try appender.shutOut(writer: nil)
        #expect(try KafkaTransactionalClient.shared(log, transactionalID: "t") === client)
        // The client that fenced the other id is closed.
        #expect(log.producers.withLock { $0["t-out"]?.client } == nil)
    }
}
