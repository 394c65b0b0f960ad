import Bytes
import CRdKafka
import ChangeEvents
import EventLog
import Foundation
import Testing
import WeirTesting

@testable import KafkaLog

/// What a static member makes of being assigned the same partitions in the same generation again.
@Suite(.mostlyWaits, .hangGuard) struct KafkaRepeatedAssignmentTests {
    private typealias Said = KafkaGroupEvents.Said

    private static let mine = [TopicPartition(topic: "orders", partition: 0)]
    private static let assigned = Said(event: .assigned(mine))
    private static let repeated = Said(event: .assigned(mine), isRepeated: true)
    private static let revoked = Said(event: .revoked)

    private final class Watch {
        let time = ManualClock()
        private var watch: KafkaRepeatedAssignment

        init(refreshMilliseconds: Int = 5000) {
            watch = KafkaRepeatedAssignment(refreshMilliseconds: refreshMilliseconds)
        }

        func saw(_ all: Said...) { for said in all { watch.saw(said, at: time.clock.now) } }
        func takesTooLong() -> Bool { watch.takesTooLong(at: time.clock.now) }
    }

    @Test func `a repetition that a new assignment follows means nothing`() {
        let watch = Watch()
        watch.saw(Self.assigned, Self.revoked, Self.repeated)
        watch.time.advance(by: .seconds(19))
        #expect(!watch.takesTooLong())
        // The leader has seen the new partitions, too.
        watch.saw(Self.revoked, Self.assigned)
        watch.time.advance(by: .seconds(3600))
        #expect(!watch.takesTooLong())
    }

    @Test func `a repetition that lasts means that partitions are not read`() {
        let watch = Watch()
        watch.saw(Self.assigned, Self.revoked, Self.repeated)
        watch.time.advance(by: .seconds(12))
        // The time counts from the first repetition, and not while the member holds nothing.
        watch.saw(Self.revoked, Self.repeated, Self.revoked)
        watch.time.advance(by: .seconds(9))
        #expect(!watch.takesTooLong())
        watch.saw(Self.repeated)
        #expect(watch.takesTooLong())
        #expect(!watch.takesTooLong())
    }

    @Test func `the wait is longer where members look for partitions less often`() {
        let watch = Watch(refreshMilliseconds: 60_000)
        watch.saw(Self.revoked, Self.repeated)
        watch.time.advance(by: .seconds(179))
        #expect(!watch.takesTooLong())
        watch.time.advance(by: .seconds(1))
        #expect(watch.takesTooLong())
    }

    private static func member(_ kafka: MockKafka, _ time: ManualClock, _ more: [String: String] = [:]) throws
        -> KafkaMembership
    {
        try kafka.createTopic("orders")
        let properties = ["session.timeout.ms": "3000", "heartbeat.interval.ms": "300"].merging(more) { $1 }
        let clock = time.clock
        return try KafkaMembership(
            try kafka.log(properties).settings,
            group: "g",
            topics: ["orders"],
            pattern: nil,
            instance: "weir-1",
            now: { clock.now }
        )
    }

    @Test func `a member reads on what it is assigned again, and gives its name up when that lasts`() throws {
        let kafka = try MockKafka()
        let time = ManualClock()
        let member = try Self.member(kafka, time)
        #expect(try KafkaGroupTests.settle([(member, 1)]) != nil)
        member.client.events.tell(Self.repeated)
        #expect(try member.poll(timeoutMilliseconds: 1000) == .assigned(Self.mine))
        try member.confirm()
        #expect(try member.commit([Self.mine[0]: 7]))
        time.advance(by: .seconds(19))
        #expect(try member.poll(timeoutMilliseconds: 10) == nil)
        #expect(member.instanceID == "weir-1" && member.takeNotice() == nil)
        time.advance(by: .seconds(1))
        // What it has read so far is committed first.
        #expect(try member.poll(timeoutMilliseconds: 10) == .revoked)
        #expect(try member.commit([Self.mine[0]: 8]))
        #expect(member.instanceID == "weir-1")
        try member.confirm()
        #expect(member.instanceID == nil)
        #expect(member.takeNotice()?.contains("goes on without its name, weir-1") == true)
        #expect(try KafkaGroupTests.settle([(member, 1)]) != nil)
        member.leave()
        #expect(member.hasGivenUp)
    }

    @Test func `a member that stops before it has given its name up leaves`() throws {
        let kafka = try MockKafka()
        let time = ManualClock()
        let member = try Self.member(kafka, time)
        #expect(try KafkaGroupTests.settle([(member, 1)]) != nil)
        member.client.events.tell(Self.repeated)
        #expect(try member.poll(timeoutMilliseconds: 1000) == .assigned(Self.mine))
        try member.confirm()
        time.advance(by: .seconds(20))
        #expect(try member.poll(timeoutMilliseconds: 10) == .revoked)
        member.leave()
        #expect(member.hasGivenUp)
    }

    @Test func `a member that the user has named keeps its name, and tells so once`() throws {
        let kafka = try MockKafka()
        let time = ManualClock()
        let member = try Self.member(kafka, time, ["group.instance.id": "mine"])
        #expect(try KafkaGroupTests.settle([(member, 1)]) != nil)
        member.client.events.tell(Self.repeated)
        #expect(try member.poll(timeoutMilliseconds: 1000) == .assigned(Self.mine))
        try member.confirm()
        time.advance(by: .seconds(20))
        #expect(try member.poll(timeoutMilliseconds: 10) == nil)
        #expect(member.takeNotice()?.contains("leave group.instance.id out") == true)
        time.advance(by: .seconds(3600))
        #expect(try member.poll(timeoutMilliseconds: 10) == nil)
        #expect(member.takeNotice() == nil && member.instanceID == "mine")
        member.leave()
    }

    /// Very rarely, a rebalance of noida does not end, whatever its members answer: then another broker is asked.
    @Test(.enabled(if: KafkaBroker.isAvailable, "no Kafka broker is installed"))
    func `members keep their names when a topic gets partitions`() throws {
        let ends = try (1...3).contains { attempt in
            let ends = try withTemporaryFolder { try Self.keepsNames($0) }
            if !ends { print("noida: rebalance no. \(attempt) did not end") }
            return ends
        }
        #expect(ends)
    }

    /// - Returns: whether each rebalance has ended.
    private static func keepsNames(_ folder: String) throws -> Bool {
        let broker = try KafkaBroker(.noida, folder: folder)
        try broker.create("orders", partitions: 2)
        let settings = try KafkaSettings(properties: [
            "bootstrap.servers": broker.address, "topic.metadata.refresh.interval.ms": "1000",
            "heartbeat.interval.ms": "300",
        ])
        let members = try (1...2).map {
            try KafkaMembership(settings, group: "g", topics: ["orders"], pattern: nil, instance: "weir-\($0)")
        }
        #expect(try KafkaGroupTests.settle(members.map { ($0, 1) }) != nil)
        for count in [4, 6, 8] {
            try broker.widen("orders", to: count)
            let ends = try KafkaGroupTests.settle(members.map { ($0, count / 2) }) != nil
            for member in members {
                #expect(member.instanceID != nil)
                #expect(member.takeNotice() == nil)
            }
            if !ends { return false }
        }
        for member in members {
            member.leave()
            #expect(member.hasGivenUp)
        }
        return true
    }
}
