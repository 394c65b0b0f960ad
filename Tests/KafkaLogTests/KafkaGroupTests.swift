import Bytes
import EventLog
import Testing

@testable import KafkaLog

/// Groups on librdkafka's mock brokers.
@Suite struct KafkaGroupTests {
    /// Confirms what happens until each member has as many partitions as expected.
    static func settle(_ members: [(any GroupMembership, Int)]) throws -> [[TopicPartition]]? {
        var owned = members.map { _ in [TopicPartition]() }
        let deadline = ContinuousClock.now + .seconds(30)
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

    @Test func `two members share partitions, and one takes over from the other`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        // The mock waits for a session's time at every change.
        let log = try kafka.log(["session.timeout.ms": "3000", "heartbeat.interval.ms": "300"])
        let first = try log.join(group: "g", topics: ["orders"], pattern: nil)
        let all = try #require(try Self.settle([(first, 4)]))
        #expect(all == [(0..<4).map { TopicPartition(topic: "orders", partition: $0) }])
        #expect(try first.commit([TopicPartition(topic: "orders", partition: 3): 7]))
        #expect(try log.committedOffset(group: "g", topic: "orders", partition: 3) == 7)
        #expect(try log.committedOffset(group: "g", topic: "orders", partition: 0) == nil)

        let second = try log.join(group: "g", topics: [], pattern: "ord.*")
        let shared = try #require(try Self.settle([(first, 2), (second, 2)]))
        #expect(Set(shared.flatMap { $0 }).count == 4)
        // What belongs to the other is not ours to commit.
        #expect(try !first.commit([shared[1][0]: 1]))
        #expect(try second.commit([shared[1][0]: 8]))

        first.leave()
        let rest = try #require(try Self.settle([(second, 4)]))
        #expect(rest[0].count == 4)
        #expect(try log.committedOffset(group: "g", topic: "orders", partition: shared[1][0].partition) == 8)
        second.leave()
        #expect(try !second.commit([shared[1][0]: 9]))
    }
}
