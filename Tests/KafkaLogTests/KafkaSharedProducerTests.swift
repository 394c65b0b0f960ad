import Bytes
import EventLog
import Foundation
import Synchronization
import Testing

@testable import KafkaLog

/// One producer that appends to several topics in transactions.
@Suite struct KafkaSharedProducerTests {
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
            #expect(try appender.committedState() == "\(index) 3")
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
        // A batch for a partition that is not there fails, and its transaction is given up.
        #expect(failure { try a.commit([encode(Self.records, partition: 7)], state: "no") }?.code == .notFound)
        try b.commit([encode(Self.records)], state: "two")
        #expect(try b.committedState() == "two")
        #expect(try a.committedState() == nil)
    }

    @Test func `states of producers that were not shared are found, and their writer is shut out once`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("out")
        let log = try kafka.log()
        let old = try KafkaTransactions(log, topic: "out", transactionalID: "weir-shop-t:out")
        try old.commit([encode(Self.records)], state: "old")
        let client = try KafkaTransactionalClient.shared(log, transactionalID: "weir-shop:sink")
        let new = try KafkaTransactions(client, topic: "out", stateID: "weir-shop-t:out")
        #expect(try new.committedState() == "old")
        try new.shutOut(writer: nil)
        #expect(failure { try old.commit([encode(Self.records)], state: "late") }?.code == .conflict)
        #expect(try new.committedState() == "old")
        try new.commit([encode(Self.records)], state: "new")
        #expect(new.count == 2)
        #expect(
            try KafkaTransactions.storedState(log, topic: "out", transactionalID: "weir-shop-t:out")?.state == "new"
        )
        // Its own name is nobody to shut out.
        try new.shutOut(writer: new.writer)
        try new.commit([], state: "newer")
    }
}
