import Bytes
import CRdKafka
import EventLog

/// Membership in a group of brokers that speak Kafka, by the eager protocol: at a change everybody gives up everything.
///
/// It only decides who reads what: the assigned partitions are paused here, their records come through `KafkaLog`.
///
/// With an instance it is a static member (KIP-345): killed and started again it gets its partitions back at once, while
/// the group would wait for the end of the session of a member that it knows by no name. Brokers before 2.3 are not told
/// the name and treat it like any other.
final class KafkaMembership: GroupMembership, @unchecked Sendable {
    // Used by one thread at a time.
    private let handle: KafkaHandle
    private let group: String
    private let queue: OpaquePointer
    private let events: KafkaGroupEvents
    private var unanswered: GroupEvent?
    private var owned: Set<TopicPartition> = []
    /// What the group knows this member by; nil when it forgets it.
    let instanceID: String?
    /// Whether the group was told that this member is not coming back.
    private(set) var hasGivenUp = false
    private var hasLeft = false

    /// - Parameter patienceSeconds: how long this member may not poll before it counts as hanging; an hour when nil.
    init(
        _ settings: KafkaSettings,
        group: String,
        topics: [String],
        pattern: String?,
        instance: String? = nil,
        patienceSeconds: Double? = nil
    ) throws(WeirError) {
        self.group = group
        let handle = try KafkaHandle(.member(group: group, instance: instance), settings)
        instanceID = settings.properties["group.instance.id"] ?? instance
        self.handle = handle
        rd_kafka_poll_set_consumer(handle.raw)
        guard let queue = rd_kafka_queue_get_consumer(handle.raw) else {
            throw WeirError(.storage, "librdkafka has no queue for group \(group)", at: handle.brokers)
        }
        let list = KafkaPartitionList()
        for topic in topics { list.add(topic, -1, offset: Int64(RD_KAFKA_OFFSET_INVALID)) }
        // A name that begins with "^" is a pattern to librdkafka.
        if let pattern { list.add("^(\(pattern))$", -1, offset: Int64(RD_KAFKA_OFFSET_INVALID)) }
        let code = list.with { rd_kafka_subscribe(handle.raw, $0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            rd_kafka_queue_destroy(queue)
            throw WeirError(
                .invalid,
                "cannot join group \(group): \(KafkaFailure.name(code))",
                at: handle.brokers,
                advice: pattern.map { "is '\($0)' a POSIX extended regular expression?" }
            )
        }
        self.queue = queue
        events =
            patienceSeconds.map { KafkaGroupEvents(handle, queue, patience: .seconds($0)) }
            ?? KafkaGroupEvents(handle, queue)
    }

    deinit {
        leave()
        rd_kafka_queue_destroy(queue)
    }

    func poll(timeoutMilliseconds: Int) throws(WeirError) -> GroupEvent? {
        if !hasLeft, let event = events.next(timeoutMilliseconds: timeoutMilliseconds) {
            unanswered = event
            return event
        }
        try checkBrokers()
        return nil
    }

    func confirm() throws(WeirError) {
        guard let event = unanswered else { return }
        unanswered = nil
        guard case .assigned(let partitions) = event else {
            owned = []
            try check(rd_kafka_assign(handle.raw, nil), "give up partitions in group \(group)")
            return
        }
        // From the end, and paused: this client must not fetch what the other one reads.
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
        // Nobody waits for the answer: the brokers may be slow, and refuse what is late.
        return list.with { rd_kafka_commit(handle.raw, $0, 1) } == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        if events.stop() || unanswered != nil { rd_kafka_assign(handle.raw, nil) }
        (unanswered, owned) = (nil, [])
        if instanceID != nil { unsubscribe() }
        if let error = rd_kafka_consumer_close_queue(handle.raw, queue) {
            rd_kafka_error_destroy(error)
            return
        }
        // A broker that does not answer must not hold up the end of the process.
        let deadline = ContinuousClock.now + .seconds(5)
        while rd_kafka_consumer_closed(handle.raw) == 0, ContinuousClock.now < deadline {
            guard let event = rd_kafka_queue_poll(queue, 100) else { continue }
            if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(handle.raw, nil) }
            rd_kafka_event_destroy(event)
        }
    }

    /// A static member that closes stays in the group until its session ends: it may be about to come back. This one is
    /// not, and its partitions are for others, so it gives its subscription up first, which does make it leave.
    private func unsubscribe() {
        guard rd_kafka_unsubscribe(handle.raw) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        let deadline = ContinuousClock.now + .seconds(Self.unsubscribingSeconds)
        while ContinuousClock.now < deadline {
            if !isMember {
                hasGivenUp = true
                return
            }
            guard let event = rd_kafka_queue_poll(queue, 20) else { continue }
            if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(handle.raw, nil) }
            rd_kafka_event_destroy(event)
        }
    }

    private static let unsubscribingSeconds = 2

    /// Whether the group has given this client a name that it has not given back.
    private var isMember: Bool {
        guard let id = rd_kafka_memberid(handle.raw) else { return false }
        defer { rd_kafka_mem_free(handle.raw, id) }
        return id.pointee != 0
    }

    // MARK: Failures

    private func checkBrokers() throws(WeirError) {
        guard let note = handle.notes.takePermanent() else { return }
        throw KafkaFailure.error(note.code, "stay in group \(group)", text: note.text, at: handle.brokers)
    }

    private func check(_ code: rd_kafka_resp_err_t, _ doing: String) throws(WeirError) {
        // Without an assignment there is nothing to pause; a group that is gone is told by the next poll.
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR__STATE: return
        default: throw handle.failure(code, doing)
        }
    }
}
