import Bytes
import ChangeEvents
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

/// Consumer groups on librdkafka's mock brokers.
@Suite(.mostlyWaits) struct KafkaGroupTests {
    /// Confirms rebalances until each member has the expected number of partitions.
    static func settle(_ members: [(any GroupMembership, Int)]) throws -> [[TopicPartition]]? {
        var owned = members.map { _ in [TopicPartition]() }
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            for (index, (member, _)) in members.enumerated() {
                guard let event = try member.poll(timeoutMilliseconds: 50) else { continue }
                if case .assigned(let partitions) = event { owned[index] = partitions } else { owned[index] = [] }
                try member.confirm()
            }
            if zip(owned, members).allSatisfy({ $0.count == $1.1 }) { return owned }
        }
        return nil
    }

    /// Offsets are reported without waiting for the brokers.
    static func isTold(_ log: KafkaLog, partition: Int, offset: Int64) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while try log.committedOffset(group: "g", topic: "orders", partition: partition) != offset {
            guard ContinuousClock.now < deadline else { return false }
            usleep(10_000)
        }
        return true
    }

    @Test func `two members share partitions, and one takes over from the other`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        // The mock waits for the session timeout at every rebalance.
        let log = try kafka.log(["session.timeout.ms": "3000", "heartbeat.interval.ms": "300"])
        let first = try log.join(group: "g", topics: ["orders"], pattern: nil)
        let all = try #require(try Self.settle([(first, 4)]))
        #expect(all == [(0..<4).map { TopicPartition(topic: "orders", partition: $0) }])
        #expect(try first.commit([TopicPartition(topic: "orders", partition: 3): 7]))
        #expect(try Self.isTold(log, partition: 3, offset: 7))
        #expect(try log.committedOffset(group: "g", topic: "orders", partition: 0) == nil)

        let second = try log.join(group: "g", topics: [], pattern: "ord.*")
        let shared = try #require(try Self.settle([(first, 2), (second, 2)]))
        #expect(Set(shared.flatMap { $0 }).count == 4)
        // A member cannot commit offsets of another member's partitions.
        #expect(try !first.commit([shared[1][0]: 1]))
        #expect(try second.commit([shared[1][0]: 8]))
        // Before the next rebalance, which may reject the commit.
        #expect(try Self.isTold(log, partition: shared[1][0].partition, offset: 8))

        first.leave()
        let rest = try #require(try Self.settle([(second, 4)]))
        #expect(rest[0].count == 4)
        second.leave()
        #expect(try !second.commit([shared[1][0]: 9]))
    }

    /// After this time without a poll, librdkafka leaves the group.
    private static let impatient = [
        "session.timeout.ms": "3000", "heartbeat.interval.ms": "300", "max.poll.interval.ms": "3000",
    ]

    @Test func `a member that is busy for longer than the poll interval stays in the group`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let log = try kafka.log(Self.impatient)
        let busy = try log.join(group: "g", topics: ["orders"], pattern: nil)
        #expect(try Self.settle([(busy, 4)]) != nil)
        Thread.sleep(forTimeInterval: 7)
        #expect(try busy.poll(timeoutMilliseconds: 500) == nil)
        #expect(try busy.commit([TopicPartition(topic: "orders", partition: 3): 7]))
        #expect(try Self.isTold(log, partition: 3, offset: 7))
        // A rebalance is reported at the next poll.
        let second = try log.join(group: "g", topics: ["orders"], pattern: nil)
        Thread.sleep(forTimeInterval: 0.7)
        #expect(try busy.poll(timeoutMilliseconds: 0) == .revoked)
        try busy.confirm()
        #expect(try Self.settle([(busy, 2), (second, 2)]) != nil)
        busy.leave()
        second.leave()
    }

    @Test func `a member leaves at once though it has not asked what the group says`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let log = try kafka.log(Self.impatient)
        let first = try log.join(group: "g", topics: ["orders"], pattern: nil)
        #expect(try Self.settle([(first, 4)]) != nil)
        let second = try log.join(group: "g", topics: ["orders"], pattern: nil)
        Thread.sleep(forTimeInterval: 1)
        let start = ContinuousClock.now
        first.leave()
        #expect(.now - start < .seconds(5))
        #expect(try Self.settle([(second, 4)]) != nil)
        // The last commit still arrives.
        #expect(try second.commit([TopicPartition(topic: "orders", partition: 3): 9]))
        second.leave()
        #expect(try log.committedOffset(group: "g", topic: "orders", partition: 3) == 9)
    }

    @Test func `a member that hangs loses its partitions`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(Self.impatient).settings
        let hanging = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, patienceSeconds: 1)
        #expect(try Self.settle([(hanging, 4)]) != nil)
        Thread.sleep(forTimeInterval: 7)
        let event = try hanging.poll(timeoutMilliseconds: 2000)
        #expect(event == .lost)
        #expect(try !hanging.commit([TopicPartition(topic: "orders", partition: 3): 7]))
        // The member rejoins at its next poll.
        try hanging.confirm()
        #expect(try Self.settle([(hanging, 4)]) != nil)
        hanging.leave()
    }
}
