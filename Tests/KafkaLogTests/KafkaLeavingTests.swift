import Bytes
import CRdKafka
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

/// Members leave their group for certain, so that others do not wait for the end of their session.
@Suite(.mostlyWaits, .hangGuard) struct KafkaLeavingTests {
    private static let properties = ["session.timeout.ms": "9000", "heartbeat.interval.ms": "300"]

    /// The mock brokers keep a join request until almost the whole session has passed.
    @Test(arguments: [nil, "weir-1"])
    func `a member that stops while the group waits for another one leaves`(_ name: String?) throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(Self.properties).settings
        let first = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: name)
        #expect(try KafkaGroupTests.settle([(first, 4)]) != nil)
        let second = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil)
        #expect(try Self.awaitEvent(first) == .revoked)
        try first.confirm()
        first.leave()
        #expect(first.hasGivenUp)
        #expect(first.takeNotice() == nil)
        #expect(try KafkaGroupTests.settle([(second, 4)]) != nil)
        second.leave()
        #expect(second.hasGivenUp)
    }

    @Test(arguments: [nil, "weir-1"])
    func `a member that stops before it has answered the group leaves`(_ name: String?) throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(Self.properties).settings
        let first = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: name)
        #expect(try KafkaGroupTests.settle([(first, 4)]) != nil)
        let second = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil)
        #expect(try Self.awaitEvent(first) == .revoked)
        first.leave()
        #expect(first.hasGivenUp)
        second.leave()
    }

    @Test func `an outage of another broker does not keep a member from leaving`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(Self.properties).settings
        let member = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-1")
        #expect(try KafkaGroupTests.settle([(member, 4)]) != nil)
        member.client.handle.notes.add(Self.outage)
        #expect(member.client.handle.outage != nil)
        member.leave()
        #expect(member.hasGivenUp)
    }

    @Test func `an outage of another broker does not keep a member from leaving that is about to join`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(Self.properties).settings
        let member = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-1")
        member.client.handle.notes.add(Self.outage)
        member.leave()
        #expect(member.hasGivenUp)
    }

    @Test(arguments: [nil, "weir-1"])
    func `a member does not wait for brokers that are away, and tells what follows`(_ name: String?) throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(Self.properties).settings
        let member = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: name)
        #expect(try KafkaGroupTests.settle([(member, 4)]) != nil)
        try kafka.setDown()
        member.leave()
        #expect(!member.hasGivenUp)
        let notice = try #require(member.takeNotice())
        #expect(notice.contains("group g") && notice.contains("at most 9 s"), "\(notice)")
    }

    @Test func `a member that waits for its first topic has nothing to leave`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders")
        let settings = try kafka.log(Self.properties).settings
        let member = try KafkaMembership(settings, group: "g", topics: [], pattern: "none.*", instance: "weir-1")
        #expect(try member.poll(timeoutMilliseconds: 500) == nil)
        member.leave()
        #expect(member.hasGivenUp && member.takeNotice() == nil)
    }

    @Test func `a subscription matches whole names`() {
        let subscription = KafkaSubscription(topics: ["a"], pattern: "cdc[.](x|y)+")
        #expect(subscription.matches(["b", "a"]))
        #expect(subscription.matches(["cdc.xyx"]))
        #expect(!subscription.matches(["aa", "cdc.", "cdc.x.", "my.cdc.x"]))
        #expect(!KafkaSubscription(topics: ["a"], pattern: nil).matches([]))
    }

    private static let outage = KafkaFailure.Note(
        RD_KAFKA_RESP_ERR__TRANSPORT,
        "10.0.0.9:9092/7: Connect to ipv4#10.0.0.9:9092 failed: Connection refused (after 0ms in state CONNECT)"
    )

    private static func awaitEvent(_ member: KafkaMembership) throws -> GroupEvent? {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if let event = try member.poll(timeoutMilliseconds: 100) { return event }
        }
        return nil
    }
}
