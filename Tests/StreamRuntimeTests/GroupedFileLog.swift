import Bytes
import ChangeEvents
import EventLog
import Foundation

/// A file log whose partitions are assigned to members of a group, all in this process. Members join, leave, and are
/// removed without notice, as a broker does with stalled members.
final class GroupedFileLog: SharedLog, FileLogBacked, @unchecked Sendable {
    private final class Member {
        var events: [GroupEvent] = []
        var holds = false
        /// While true, the member neither receives nor sends group messages.
        var isAsleep = false
    }

    let log: FileLog
    private let lock = NSLock()
    private var members: [Int: Member] = [:]
    private var nextId = 0
    private var isRebalancing = false
    private var committed: [TopicPartition: Int64] = [:]

    init(_ log: FileLog) { self.log = log }

    func committedOffset(group: String, topic: String, partition: Int) throws(WeirError) -> Int64? {
        lock.withLock { committed[TopicPartition(topic: topic, partition: partition)] }
    }

    func join(
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?
    ) throws(WeirError) -> any GroupMembership {
        let id = lock.withLock {
            nextId += 1
            members[nextId] = Member()
            rebalance()
            return nextId
        }
        return Membership(log: self, id: id, topics: topics)
    }

    /// Removes members that hold partitions without notifying them until `wake`. Returns how many.
    func stall(_ chosen: (Int) -> Bool) -> Int {
        lock.withLock {
            var count = 0
            for (id, member) in members where member.holds && chosen(id) {
                member.isAsleep = true
                member.holds = false
                count += 1
            }
            rebalance()
            return count
        }
    }

    func wake() {
        lock.withLock {
            for member in members.values where member.isAsleep {
                member.isAsleep = false
                member.events = [.lost]
            }
            rebalance()
        }
    }

    private func rebalance() {
        isRebalancing = true
        for member in members.values where member.holds && member.events.isEmpty { member.events = [.revoked] }
    }

    /// Assigns the partitions again once no member holds any.
    private func dealIfReady(_ topics: [String]) {
        guard isRebalancing, members.values.allSatisfy({ !$0.holds || $0.isAsleep }) else { return }
        let awake = members.filter { !$0.value.isAsleep }.sorted { $0.key < $1.key }.map(\.value)
        guard !awake.isEmpty, awake.allSatisfy({ $0.events.isEmpty }) else { return }
        isRebalancing = false
        var shares = [[TopicPartition]](repeating: [], count: awake.count)
        var turn = 0
        for topic in topics {
            for number in (try? log.partitions(of: topic)) ?? [] {
                shares[turn % awake.count].append(TopicPartition(topic: topic, partition: number))
                turn += 1
            }
        }
        for (member, share) in zip(awake, shares) {
            member.events = [.assigned(share)]
            member.holds = true
        }
    }

    private final class Membership: GroupMembership, @unchecked Sendable {
        let log: GroupedFileLog
        let id: Int
        let topics: [String]

        init(log: GroupedFileLog, id: Int, topics: [String]) {
            self.log = log
            self.id = id
            self.topics = topics
        }

        func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent? {
            let event: GroupEvent? = log.lock.withLock {
                guard let member = log.members[id], !member.isAsleep else { return nil }
                log.dealIfReady(topics)
                return member.events.first
            }
            if event == nil && timeoutMilliseconds > 0 { Thread.sleep(forTimeInterval: 0.002) }
            return event
        }

        func confirm() throws(WeirError) {
            log.lock.withLock {
                guard let member = log.members[id], !member.events.isEmpty else { return }
                let event = member.events.removeFirst()
                if case .assigned = event { return }
                member.holds = false
            }
        }

        func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool {
            log.lock.withLock {
                guard let member = log.members[id], member.holds, !member.isAsleep else { return false }
                log.committed.merge(next) { $1 }
                return true
            }
        }

        func leave() {
            log.lock.withLock {
                log.members[id] = nil
                log.rebalance()
            }
        }
    }
}
