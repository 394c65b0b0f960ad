import Bytes
import ChangeEvents
import EventLog
import Foundation
import Synchronization
import Testing
import WeirTesting

@testable import StreamRuntime

/// What a run does with its groups, apart from reading.
@Suite(.hangGuard) struct SourceGroupsTests {
    private static let text = """
        name: test
        source:
          - { name: one, type: file-log, topics: [people], format: debezium-json }
          - { name: two, type: file-log, topics: [visits], format: debezium-json }
        tables:
          - { name: shop.people, columns: { id: long }, primary-key: [id] }
        route: [{ source-table: shop.public.(.*), sink-table: shop.$1 }]
        sink: { type: mixed-iceberg }
        """

    @Test func `a run leaves all its groups at once, and tells what they have not answered`() throws {
        try withTemporaryFolder { folder in
            let fixture = IngestFixture(folder: folder)
            let files = try FileLog(root: fixture.logRoot)
            for topic in ["people", "visits"] { try files.createTopic(topic) }
            let log = SlowlyLeftLog(files)
            let told = Mutex<[String]>([])
            let groups = try SourceGroups(fixture.plan(Self.text).shared(over: log)) { text in
                told.withLock { $0.append(text) }
            }
            #expect(!groups.isEmpty)
            groups.leave()
            #expect(log.haveMet, "one group was left after the other")
            #expect(told.withLock { $0.sorted() } == ["people has not answered", "visits has not answered"])
            #expect(groups.isEmpty)
        }
    }
}

/// A log whose members do not get an answer before the member of another topic leaves, too.
private final class SlowlyLeftLog: SharedLog, FileLogBacked, @unchecked Sendable {
    let log: FileLog
    private let condition = NSCondition()
    private var leaving = 0

    init(_ log: FileLog) { self.log = log }

    var haveMet: Bool { condition.withLock { leaving == 2 } }

    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64? { nil }

    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership {
        Member(owner: self, topics: topics)
    }

    private func leaveWithAnother() {
        condition.withLock {
            leaving += 1
            condition.broadcast()
            let deadline = Date(timeIntervalSinceNow: 20)
            while leaving < 2, condition.wait(until: deadline) {}
            // Whoever has waited in vain is not counted.
            if leaving < 2 { leaving -= 1 }
        }
    }

    private final class Member: GroupMembership {
        private let owner: SlowlyLeftLog
        private let topics: [String]

        init(owner: SlowlyLeftLog, topics: [String]) {
            self.owner = owner
            self.topics = topics
        }

        func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent? { nil }
        func confirm() throws(WeirError) {}
        func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool { true }
        func leave() { owner.leaveWithAnother() }
        func takeNotice() -> String? { "\(topics[0]) has not answered" }
    }
}
