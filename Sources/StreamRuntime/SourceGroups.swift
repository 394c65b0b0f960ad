import Bytes
import ChangeEvents
import EventLog
import Synchronization

/// The groups through which the processes of one topology share the partitions of its sources.
///
/// Between two changes of the group a process holds a fixed set of partitions: a generation. When the group changes,
/// the process commits what it has read, gives up its partitions and starts a new generation with those assigned to it.
/// Used by the running thread between generations and by the reading thread within one; `offer` may be called from any
/// thread.
final class SourceGroups: @unchecked Sendable {
    private struct Member {
        let source: IngestPlan.Source
        let membership: any GroupMembership
        /// Whether any topic exists; until then the group assigns nothing.
        let hasTopics: Bool
        /// Nil between a revocation and the next assignment.
        var assigned: [TopicPartition]?
        /// The event that `poll` has returned and that is not confirmed yet.
        var pending: GroupEvent?
    }

    /// How often positions are committed to the group.
    private static let offerEvery = Duration.milliseconds(500)
    private static let pollEvery = Duration.milliseconds(20)
    private static let changePatience = Duration.seconds(10)

    /// How often a warning is sent that this process waits for a group.
    private static let lookEvery = Duration.seconds(15)
    /// The first warning is sooner: a group without dead members assigns partitions in less time.
    private static let firstLookAfter = Duration.seconds(5)

    private let onWarning: (String) -> Void
    private var members: [Member] = []
    private let clock: RunClock
    private var lastPoll: RunClock.Instant?
    private var lastOffer: RunClock.Instant?
    private let offered = Mutex<PositionLedger?>(nil)

    /// Joins the group of every source that has one.
    ///
    /// - Parameter onWarning: called with messages for the user, such as about sources that have no topics yet.
    init(
        _ plan: IngestPlan,
        clock: RunClock = .system,
        onWarning: @escaping (String) -> Void = { _ in }
    ) throws(WeirError) {
        self.clock = clock
        self.onWarning = onWarning
        for source in plan.sources {
            guard let group = source.group, let log = source.log as? any SharedLog else { continue }
            // Fail at once if a broker does not answer or a topic does not exist; a group would wait for them.
            let existing = try log.topics()
            for topic in source.topics where !existing.contains(topic) {
                throw MissingTopic(topic, source.name, among: existing, read: source.topics).error(in: log)
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

    /// Waits until every group has assigned partitions to this process, possibly none; nil when it is to stop.
    ///
    /// - Parameter awaitsTopics: also waits for the first topic of a source.
    func assignment(
        awaitsTopics: Bool = true,
        unless stopping: () -> Bool
    ) throws(WeirError) -> Set<TopicPartition>? {
        let start = clock.now
        var nextLook = start + Self.firstLookAfter
        if !awaitsTopics {
            for index in members.indices where !members[index].hasTopics { members[index].assigned = [] }
        }
        while !stopping() {
            var isComplete = true
            for index in members.indices where members[index].assigned == nil {
                if let event = try poll(index, milliseconds: 50) {
                    members[index].pending = event
                    try confirm(index)
                }
                if members[index].assigned == nil { isComplete = false }
            }
            if isComplete { return Set(members.flatMap { $0.assigned ?? [] }) }
            if clock.now > nextLook {
                try explainWait(since: start)
                nextLook = clock.now + Self.lookEvery
            }
        }
        return nil
    }

    /// Warns that the assignment takes long, or fails if a topic does not exist. A group assigns nothing while a topic
    /// is missing, and waits long before it replaces a silent member.
    private func explainWait(since start: RunClock.Instant) throws(WeirError) {
        let seconds = (clock.now - start).components.seconds
        for member in members where member.assigned == nil {
            let source = member.source
            // Unreachable brokers do not list their topics.
            if let existing = try? source.log.topics() {
                for topic in source.topics where !existing.contains(topic) {
                    throw MissingTopic(topic, source.name, among: existing, read: source.topics).error(in: source.log)
                }
                if !existing.contains(where: source.includes) { continue }
            }
            let session = (source.log as? any SharedLog).map { $0.sessionMilliseconds / 1000 } ?? 0
            onWarning(
                "source '\(source.name)' has waited \(seconds) s for its partitions: group '\(source.group ?? "")' deals "
                    + "them out once every process of it has answered, and waits for one that was killed and is not "
                    + "started again until its session ends, at most \(session) s (session.timeout.ms), and for one that "
                    + "is busy until it has committed; or the brokers are away"
            )
        }
    }

    /// True once a group changes, which ends the generation.
    func isChanging() throws(WeirError) -> Bool {
        let now = clock.now
        if lastPoll.map({ now - $0 >= Self.pollEvery }) ?? true {
            lastPoll = now
            for index in members.indices where members[index].pending == nil {
                members[index].pending = try poll(index, milliseconds: 0)
            }
        }
        if lastOffer.map({ now - $0 >= Self.offerEvery }) ?? true {
            lastOffer = now
            flushOffer()
        }
        return members.contains { $0.pending != nil }
    }

    /// Waits until a group changes, as it should after this process has lost partitions.
    func awaitChange(unless stopping: () -> Bool) throws(WeirError) {
        let deadline = clock.now + Self.changePatience
        while !stopping(), try !isChanging() {
            // Another process has claimed the partitions without a change of the group: claim them again, after its
            // last commit.
            if clock.now > deadline { return }
            clock.pause(for: Self.pollEvery, unless: stopping)
        }
    }

    /// Notes committed positions, to commit them to the groups.
    func offer(_ ledger: PositionLedger) { offered.withLock { $0 = ledger } }

    /// Called when the generation is over and committed: confirms the events of the groups.
    func endGeneration() throws(WeirError) {
        flushOffer()
        for index in members.indices where members[index].pending != nil { try confirm(index) }
    }

    /// Leaves the groups, so that other processes take over at once. A group may answer only after some seconds, so this
    /// leaves all of them at once.
    func leave() {
        flushOffer()
        let all = members.map(\.membership)
        members = []
        _ = try? concurrently(all) { $0.leave() }
        for notice in all.compactMap({ $0.takeNotice() }) { onWarning(notice) }
    }

    private func poll(_ index: Int, milliseconds: Int) throws(WeirError) -> GroupEvent? {
        let membership = members[index].membership
        let event = try membership.poll(timeoutMilliseconds: milliseconds)
        if let notice = membership.takeNotice() { onWarning(notice) }
        return event
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

    /// Commits the noted positions to the groups. The group's offsets are for tools that show lag, and the tables are
    /// the source of truth, so a refusal or an unreachable broker is not a failure: the next commit sends them again.
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
                positions[partition] = ledger.next(partition)
            }
            if !positions.isEmpty { _ = try? member.membership.commit(positions) }
        }
    }
}
