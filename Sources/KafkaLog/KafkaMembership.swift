import Bytes
import CRdKafka
import ChangeEvents
import EventLog

/// Membership in a Kafka consumer group with the eager protocol: in a rebalance every member gives up all partitions.
///
/// It only assigns partitions to members: assigned partitions are paused in this client, and `KafkaLog` reads their
/// records.
///
/// With an instance id it is a static member (KIP-345): after a kill and restart it gets its partitions back at once,
/// while for a dynamic member the group waits for the session timeout. Brokers before 2.3 do not receive the id and
/// treat it as a dynamic member.
final class KafkaMembership: GroupMembership, @unchecked Sendable {
    // Used by one thread at a time.
    private(set) var client: KafkaMemberClient
    private let renewed: (_ instance: String?) throws(WeirError) -> KafkaMemberClient
    private let group: String
    private let sessionMilliseconds: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private var unanswered: GroupEvent?
    private var owned: Set<TopicPartition> = []
    private var repeated: KafkaRepeatedAssignment
    /// Whether the member gives its name up once the revocation that `poll` has returned is confirmed.
    private var isRenouncing = false
    /// Whether the user has set the static member id.
    private let isNamedByUser: Bool
    /// The static member id; nil for a dynamic member.
    private(set) var instanceID: String?
    /// Whether the group was informed that this member will not come back.
    private(set) var hasGivenUp = false
    private var hasLeft = false
    private var notice: String?

    private var handle: KafkaHandle { client.handle }

    /// - Parameters:
    ///   - patienceSeconds: how long this member may not poll before it is considered hung; an hour when nil.
    ///   - now: a clock that is never set back.
    init(
        _ settings: KafkaSettings,
        group: String,
        topics: [String],
        pattern: String?,
        instance: String? = nil,
        patienceSeconds: Double? = nil,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws(WeirError) {
        self.group = group
        self.now = now
        sessionMilliseconds = settings.sessionMilliseconds
        repeated = KafkaRepeatedAssignment(refreshMilliseconds: settings.metadataRefreshMilliseconds)
        let chosen = settings.properties["group.instance.id"]
        isNamedByUser = chosen != nil
        instanceID = chosen ?? instance
        let renewed: (String?) throws(WeirError) -> KafkaMemberClient = { (instance) throws(WeirError) in
            try KafkaMemberClient(
                settings,
                group: group,
                topics: topics,
                pattern: pattern,
                instance: instance,
                patienceSeconds: patienceSeconds
            )
        }
        self.renewed = renewed
        client = try renewed(instance)
    }

    deinit { leave() }

    func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent? {
        if !hasLeft, let said = client.events.next(timeoutMilliseconds: timeoutMilliseconds) {
            repeated.saw(said, at: now())
            unanswered = said.event
            return said.event
        }
        if let note = handle.notes.takePermanent() { return try goOn(after: note) }
        guard !hasLeft, unanswered == nil, let name = instanceID, repeated.takesTooLong(at: now()) else { return nil }
        return renounce(name)
    }

    private func goOn(after note: KafkaFailure.Note) throws(WeirError) -> GroupEvent {
        guard note.code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, instanceID != nil, !isNamedByUser, !hasLeft else {
            throw KafkaFailure.error(note.code, "stay in group \(group)", text: note.text, at: handle.brokers)
        }
        // The instance id should be unique. But some brokers report this when a session has expired, and a copy of the
        // warehouse has the same id. Continue as a dynamic member.
        _ = client.events.stop()
        notice =
            "another member of group \(group) has this process's name, \(instanceID ?? ""): it goes on without one, so "
            + "after a kill its partitions wait for the end of its session"
        try becomeNameless()
        unanswered = .lost
        return .lost
    }

    /// Revokes the partitions in order to rejoin as a dynamic member; nil for a member that the user has named.
    private func renounce(_ name: String) -> GroupEvent? {
        let what =
            "the brokers of group \(group) do not deal out anew the partitions of a static member whose session is over"
        guard !isNamedByUser else {
            notice = "\(what): leave group.instance.id out"
            return nil
        }
        notice =
            "\(what): this process goes on without its name, \(name), so after a kill its partitions wait for the end of "
            + "its session"
        isRenouncing = true
        unanswered = .revoked
        return .revoked
    }

    private func becomeNameless() throws(WeirError) {
        (instanceID, owned, isRenouncing) = (nil, [], false)
        client = try renewed(nil)
    }

    func takeNotice() -> String? {
        defer { notice = nil }
        return notice
    }

    func confirm() throws(WeirError) {
        guard let event = unanswered else { return }
        unanswered = nil
        if isRenouncing {
            _ = client.leave(isStatic: true, unanswered: nil)
            return try becomeNameless()
        }
        guard case .assigned(let partitions) = event else {
            owned = []
            return try check(client.answer(event), "give up partitions in group \(group)")
        }
        try check(client.answer(event), "take partitions in group \(group)")
        owned = Set(partitions)
    }

    func commit(_ next: [TopicPartition: Int64]) throws(WeirError) -> Bool {
        guard !next.isEmpty else { return true }
        guard !hasLeft, unanswered != .lost, next.keys.allSatisfy(owned.contains) else { return false }
        let list = KafkaPartitionList()
        for (partition, offset) in next { list.add(partition.topic, partition.partition, offset: offset) }
        // Commit asynchronously: the brokers may be slow, and refuse late commits.
        return list.with { rd_kafka_commit(handle.raw, $0, 1) } == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        // The revocation of a member that gives its name up is not of the group.
        let event = isRenouncing ? nil : unanswered
        (unanswered, owned) = (nil, [])
        hasGivenUp = client.leave(isStatic: instanceID != nil, unanswered: event)
        if !hasGivenUp {
            notice =
                "group \(group) has not answered that this process leaves it: its partitions may wait for the end of its "
                + "session, at most \(sessionMilliseconds / 1000) s (session.timeout.ms)"
        }
    }

    // MARK: Failures

    private func check(_ code: rd_kafka_resp_err_t, _ doing: String) throws(WeirError) {
        // The group has assigned anew or is lost. The next poll reports that the group is lost.
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR__STATE: return
        default: throw handle.failure(code, doing)
        }
    }
}
