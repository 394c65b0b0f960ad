import Bytes
import CRdKafka
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

/// Static group members.
@Suite(.mostlyWaits) struct KafkaStaticMemberTests {
    @Test func `an orderly end gives the name back`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders", partitions: 4)
        let settings = try kafka.log(["session.timeout.ms": "3000", "heartbeat.interval.ms": "300"]).settings
        let first = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-1")
        #expect(try KafkaGroupTests.settle([(first, 4)]) != nil)
        let second = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-2")
        #expect(try KafkaGroupTests.settle([(first, 2), (second, 2)]) != nil)
        first.leave()
        #expect(first.hasGivenUp)
        #expect(try KafkaGroupTests.settle([(second, 4)]) != nil)
        second.leave()
        #expect(second.hasGivenUp)
    }

    @Test func `the user's name for a member wins`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders")
        let settings = try kafka.log(["group.instance.id": "mine", "session.timeout.ms": "3000"]).settings
        let member = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-1")
        #expect(member.instanceID == "mine")
        member.leave()
        let plain = try kafka.log(["session.timeout.ms": "3000"]).settings
        let named = try KafkaMembership(plain, group: "h", topics: ["orders"], pattern: nil, instance: "weir-1")
        #expect(named.instanceID == "weir-1")
        named.leave()
        let unnamed = try KafkaMembership(plain, group: "i", topics: ["orders"], pattern: nil)
        #expect(unnamed.instanceID == nil)
        unnamed.leave()
    }

    @Test func `one whose name another has taken goes on without it`() throws {
        let kafka = try MockKafka()
        try kafka.createTopic("orders")
        let settings = try kafka.log(["session.timeout.ms": "3000", "heartbeat.interval.ms": "300"]).settings
        let member = try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-1")
        #expect(try KafkaGroupTests.settle([(member, 1)]) != nil)
        rd_kafka_test_fatal_error(member.client.handle.raw, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "fenced")
        let deadline = ContinuousClock.now + .seconds(60)
        while member.instanceID != nil, ContinuousClock.now < deadline {
            if try member.poll(timeoutMilliseconds: 50) != nil { try member.confirm() }
        }
        #expect(member.instanceID == nil)
        #expect(try KafkaGroupTests.settle([(member, 1)]) != nil)
        member.leave()
    }
}
