import Bytes
import ChangeEvents
import EventLog
import Foundation
import Synchronization

/// A log that reports the records of one topic but does not deliver them while it is held, as brokers may do briefly.
/// This is the only member of its group.
final class HeldLog: SharedLog, FileLogBacked, Sendable {
    private struct State {
        var isHeld = false
        var polls = 0
        var hasTold = false
        var deliversFirst = false
    }

    let log: FileLog
    private let topic: String
    private let state = Mutex(State())

    init(_ log: FileLog, topic: String, isHeld: Bool = false) {
        self.log = log
        self.topic = topic
        state.withLock { $0.isHeld = isHeld }
    }

    var isHeld: Bool {
        get { state.withLock { $0.isHeld } }
        set { state.withLock { $0.isHeld = newValue } }
    }

    /// Whether the first poll is answered even while held, as for a sample of a partition.
    var deliversFirst: Bool {
        get { state.withLock { $0.deliversFirst } }
        set { state.withLock { $0.deliversFirst = newValue } }
    }

    /// The number of polls for records of the topic.
    var polls: Int { state.withLock { $0.polls } }

    func reader(topic: String, partition: Int, from offset: Int64) throws(WeirError) -> any PartitionReader {
        let reader = try log.reader(topic: topic, partition: partition, from: offset)
        return topic == self.topic ? Reader(owner: self, reader: reader) : reader
    }

    private func isAsked() -> Bool {
        state.withLock { state in
            state.polls += 1
            if state.deliversFirst {
                state.deliversFirst = false
                return false
            }
            return state.isHeld
        }
    }

    private final class Reader: PartitionReader {
        private let owner: HeldLog
        private let reader: any PartitionReader

        init(owner: HeldLog, reader: any PartitionReader) {
            self.owner = owner
            self.reader = reader
        }

        var position: Int64 { reader.position }

        func next(maxBytes: Int) throws(WeirError) -> RawBatch? {
            owner.isAsked() ? nil : try reader.next(maxBytes: maxBytes)
        }

        func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool {
            if !owner.isHeld || owner.deliversFirst {
                return try reader.waitForRecords(timeoutMilliseconds: timeoutMilliseconds)
            }
            Thread.sleep(forTimeInterval: Double(timeoutMilliseconds) / 1000)
            return false
        }

        func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
            owner.isHeld ? false : try reader.mayHaveRecords(waking: wakeup, &watched)
        }
    }

    // MARK: The group

    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64? { nil }

    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership {
        Member(owner: self, topics: topics)
    }

    private final class Member: GroupMembership {
        private let owner: HeldLog
        private let topics: [String]

        init(owner: HeldLog, topics: [String]) {
            self.owner = owner
            self.topics = topics
        }

        func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent? {
            let isFirst = owner.state.withLock { state in
                defer { state.hasTold = true }
                return !state.hasTold
            }
            return isFirst ? .assigned(topics.map { TopicPartition(topic: $0, partition: 0) }) : nil
        }

        func confirm() throws(WeirError) {}
        func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool { true }
        func leave() {}
    }
}
