import Bytes
import CRdKafka
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
    private var unanswered: GroupEvent?
    private var owned: Set<TopicPartition> = []
    /// Whether the user has set the static member id.
    private let isNamedByUser: Bool
    /// The static member id; nil for a dynamic member.
    private(set) var instanceID: String?
    /// Whether the group was informed that this member will not come back.
    private(set) var hasGivenUp = false
    private var hasLeft = false
    private var notice: String?

    private var handle: KafkaHandle { client.handle }

    /// - Parameter patienceSeconds: how long this member may not poll before it is considered hung; an hour when nil.
    init(
        _ settings: KafkaSettings,
        group: String,
        topics: [String],
        pattern: String?,
        instance: String? = nil,
        patienceSeconds: Double? = nil
    ) throws(WeirError) {
        self.group = group
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
            if said.isRepeated, let name = instanceID { return try goOn(unserved: name, said.event) }
            unanswered = said.event
            return said.event
        }
        guard let note = handle.notes.takePermanent() else { return nil }
        guard note.code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, instanceID != nil, !isNamedByUser, !hasLeft else {
            throw KafkaFailure.error(note.code, "stay in group \(group)", text: note.text, at: handle.brokers)
        }
        // The instance id should be unique. But some brokers report this when a session has expired, and a copy of the
        // warehouse has the same id. Continue as a dynamic member.
        _ = client.events.stop()
        notice =
            "another member of group \(group) has this process's name, \(instanceID ?? ""): it goes on without one, so "
            + "after a kill its partitions wait for the end of its session"
        return try becomeNameless()
    }

    /// Some brokers remove a static member after its session timeout and rebalance, but keep the old assignment, so
    /// nobody reads its partitions. They handle dynamic members correctly.
    private func goOn(unserved name: String, _ event: GroupEvent) throws(WeirError) -> GroupEvent {
        let what =
            "the brokers of group \(group) do not deal out anew the partitions of a static member whose session is over"
        guard !isNamedByUser else {
            notice = "\(what): leave group.instance.id out"
            unanswered = event
            return event
        }
        notice =
            "\(what): this process goes on without its name, \(name), so after a kill its partitions wait for the end of "
            + "its session"
        _ = client.events.stop()
        // A member can leave only after it has confirmed its assignment.
        unanswered = event
        try confirm()
        _ = client.giveUp()
        client.close()
        return try becomeNameless()
    }

    private func becomeNameless() throws(WeirError) -> GroupEvent {
        (instanceID, owned) = (nil, [])
        client = try renewed(nil)
        unanswered = .lost
        return .lost
    }

    func takeNotice() -> String? {
        defer { notice = nil }
        return notice
    }

    func confirm() throws(WeirError) {
        guard let event = unanswered else { return }
        unanswered = nil
        guard case .assigned(let partitions) = event else {
            owned = []
            try check(rd_kafka_assign(handle.raw, nil), "give up partitions in group \(group)")
            return
        }
        // Assign from the end and paused: this client must not fetch what the reading client fetches.
        let list = KafkaPartitionList(partitions, offset: Int64(RD_KAFKA_OFFSET_END))
        try check(list.with { rd_kafka_assign(handle.raw, $0) }, "take partitions in group \(group)")
        try check(list.with { rd_kafka_pause_partitions(handle.raw, $0) }, "pause partitions in group \(group)")
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
        if client.events.stop() || unanswered != nil { rd_kafka_assign(handle.raw, nil) }
        (unanswered, owned) = (nil, [])
        if instanceID != nil { hasGivenUp = client.giveUp() }
        client.close()
    }

    // MARK: Failures

    private func check(_ code: rd_kafka_resp_err_t, _ doing: String) throws(WeirError) {
        // Without an assignment there is nothing to pause. The next poll reports that the group is lost.
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR__STATE: return
        default: throw handle.failure(code, doing)
        }
    }
}
