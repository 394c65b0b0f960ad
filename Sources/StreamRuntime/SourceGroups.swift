import Bytes
import ChangeEvents
import EventLog
import Foundation
import Synchronization

/// The groups through which the processes of one topology share the partitions of its sources.
///
/// Between two changes of the group a process holds a fixed set of partitions: a generation. When the group changes, the
/// process commits what it has read, gives its partitions up and begins anew with those it is given. Used by the running
/// thread between generations and by the reading thread within one; `offer` may be called from any thread.
final class SourceGroups: @unchecked Sendable {
    private struct Member {
        let source: IngestPlan.Source
        let membership: any GroupMembership
        /// A group deals nothing out while no topic is there.
        let hasTopics: Bool
        /// Nil between a revocation and the next assignment.
        var assigned: [TopicPartition]?
        /// What `poll` has said and is not confirmed yet.
        var pending: GroupEvent?
    }

    /// How often the group is told how far its partitions are read.
    private static let offerSeconds = 0.5
    private static let pollSeconds = 0.02
    private static let changeSeconds = 10.0

    /// How often it is said that a group lets this process wait.
    private static let lookSeconds = 15.0
    /// The first time it is said sooner: a group without dead members deals out in less.
    private static let firstLookSeconds = 5.0

    private let onWarning: (String) -> Void
    private var members: [Member] = []
    private var lastPoll = Date.distantPast
    private var lastOffer = Date.distantPast
    private let offered = Mutex<PositionLedger?>(nil)

    /// Joins the group of every source that has one.
    ///
    /// - Parameter onWarning: told, in words, of sources that have no topics yet.
    init(_ plan: IngestPlan, onWarning: @escaping (String) -> Void = { _ in }) throws(WeirError) {
        self.onWarning = onWarning
        for source in plan.sources {
            guard let group = source.group, let log = source.log as? any SharedLog else { continue }
            // A broker that does not answer and a topic that is not there are said at once; a group would wait for them.
            let existing = try log.topics()
            for topic in source.topics where !existing.contains(topic) {
                throw SourcePartitions.missing(topic, source: source.name, existing: existing, isBroker: true)
            }
            let membership = try log.join(
                group: group,
                topics: source.topics,
                pattern: source.pattern,
                instance: source.groupInstance
            )
            let hasTopics = existing.contains(where: source.includes)
            if !hasTopics {
                onWarning("no topic matches topic-pattern '\(source.pattern ?? "")' of source '\(source.name)' yet")
            }
            members.append(Member(source: source, membership: membership, hasTopics: hasTopics))
        }
    }

    /// Whether no source is shared: this process reads everything.
    var isEmpty: Bool { members.isEmpty }

    /// Waits until every group has given this process its partitions, which may be none; nil when it is to stop.
    ///
    /// - Parameter awaitsTopics: also waits for the first topic of a source.
    func assignment(
        awaitsTopics: Bool = true,
        unless stopping: () -> Bool
    ) throws(WeirError) -> Set<TopicPartition>? {
        let start = Date()
        var nextLook = start.addingTimeInterval(Self.firstLookSeconds)
        if !awaitsTopics {
            for index in members.indices where !members[index].hasTopics { members[index].assigned = [] }
        }
        while !stopping() {
            var isComplete = true
            for index in members.indices where members[index].assigned == nil {
                if let event = try members[index].membership.poll(timeoutMilliseconds: 50) {
                    members[index].pending = event
                    try confirm(index)
                }
                if members[index].assigned == nil { isComplete = false }
            }
            if isComplete { return Set(members.flatMap { $0.assigned ?? [] }) }
            if Date() > nextLook {
                try explainWait(since: start)
                nextLook = Date().addingTimeInterval(Self.lookSeconds)
            }
        }
        return nil
    }

    /// A group deals nothing out while a topic is not there, and is in no hurry to replace a member that is silent.
    private func explainWait(since start: Date) throws(WeirError) {
        let seconds = Int(Date().timeIntervalSince(start))
        for member in members where member.assigned == nil {
            let source = member.source
            // Brokers that are away tell nothing of their topics.
            if let existing = try? source.log.topics() {
                for topic in source.topics where !existing.contains(topic) {
                    throw SourcePartitions.missing(topic, source: source.name, existing: existing, isBroker: true)
                }
                if !existing.contains(where: source.includes) { continue }
            }
            onWarning(
                "source '\(source.name)' has waited \(seconds) s for its partitions from group '\(source.group ?? "")', "
                    + "which deals them out once every process of it has answered: one that was killed and not started "
                    + "again is waited for until its session ends (session.timeout.ms, 45 s unless it is set), one that "
                    + "is busy until it has committed; or the brokers are away"
            )
        }
    }

    /// True once a group changes, which ends the generation.
    func isChanging() throws(WeirError) -> Bool {
        let now = Date()
        if now.timeIntervalSince(lastPoll) >= Self.pollSeconds {
            lastPoll = now
            for index in members.indices where members[index].pending == nil {
                members[index].pending = try members[index].membership.poll(timeoutMilliseconds: 0)
            }
        }
        if now.timeIntervalSince(lastOffer) >= Self.offerSeconds {
            lastOffer = now
            flushOffer()
        }
        return members.contains { $0.pending != nil }
    }

    /// Waits until a group changes, as it should after this process has lost partitions.
    func awaitChange(unless stopping: () -> Bool) throws(WeirError) {
        let deadline = Date().addingTimeInterval(Self.changeSeconds)
        while !stopping(), try !isChanging() {
            // Another process has claimed the partitions without the group's word: claim anew, on what it has committed.
            if Date() > deadline { return }
            Thread.sleep(forTimeInterval: Self.pollSeconds)
        }
    }

    /// Notes positions that are committed, to tell the groups.
    func offer(_ ledger: PositionLedger) { offered.withLock { $0 = ledger } }

    /// The generation is over and committed: answers the groups.
    func endGeneration() throws(WeirError) {
        flushOffer()
        for index in members.indices where members[index].pending != nil { try confirm(index) }
    }

    /// Leaves the groups, so that other processes take over at once.
    func leave() {
        flushOffer()
        for member in members { member.membership.leave() }
        members = []
    }

    private func confirm(_ index: Int) throws(WeirError) {
        guard let event = members[index].pending else { return }
        members[index].pending = nil
        try members[index].membership.confirm()
        switch event {
        case .assigned(let partitions): members[index].assigned = partitions
        case .revoked, .lost: members[index].assigned = nil
        }
    }

    /// The group's own offsets are for tools that show lag; the tables hold the truth, so a refusal or a broker that is
    /// away is no failure: the next commit tells it again.
    private func flushOffer() {
        guard
            let ledger = offered.withLock({ ledger in
                defer { ledger = nil }
                return ledger
            })
        else { return }
        for member in members {
            var positions: [TopicPartition: Int64] = [:]
            for partition in member.assigned ?? [] {
                positions[partition] = ledger.next(topic: partition.topic, partition: partition.partition)
            }
            if !positions.isEmpty { _ = try? member.membership.commit(positions) }
        }
    }
}
