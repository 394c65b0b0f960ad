import Bytes
import CRdKafka
import EventLog

/// A client that is a member of a group, and the queue of its group events.
final class KafkaMemberClient {
    let handle: KafkaHandle
    let events: KafkaGroupEvents
    private let queue: OpaquePointer
    private let subscription: KafkaSubscription

    init(
        _ settings: KafkaSettings,
        group: String,
        topics: [String],
        pattern: String?,
        instance: String?,
        patienceSeconds: Double?
    ) throws(WeirError) {
        let handle = try KafkaHandle(.member(group: group, instance: instance), settings)
        self.handle = handle
        rd_kafka_poll_set_consumer(handle.raw)
        guard let queue = rd_kafka_queue_get_consumer(handle.raw) else {
            throw WeirError(.storage, "librdkafka has no queue for group \(group)", at: handle.brokers)
        }
        subscription = KafkaSubscription(topics: topics, pattern: pattern)
        let list = KafkaPartitionList()
        for name in subscription.names { list.add(name, -1, offset: Int64(RD_KAFKA_OFFSET_INVALID)) }
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

    deinit { rd_kafka_queue_destroy(queue) }

    /// Answers an event of the group.
    ///
    /// An assignment has to be answered with its partitions: until then librdkafka does nothing else, not even leave.
    func answer(_ event: GroupEvent) -> rd_kafka_resp_err_t {
        guard case .assigned(let partitions) = event else { return rd_kafka_assign(handle.raw, nil) }
        // Assign from the end and paused: this client must not fetch what the reading client fetches.
        let list = KafkaPartitionList(partitions, offset: Int64(RD_KAFKA_OFFSET_END))
        let code = list.with { rd_kafka_assign(handle.raw, $0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return code }
        return list.with { rd_kafka_pause_partitions(handle.raw, $0) }
    }

    // MARK: Leaving

    /// How long to wait for the group: in a rebalance it answers once every member has committed.
    private static let leavingSeconds = 15
    /// How long to wait for the member id of a dynamic member: brokers since 2.2 send it at once.
    private static let namingSeconds = 1

    /// Leaves the group and closes the client, which takes at most about `leavingSeconds`, less when no broker answers.
    /// Returns whether the group was informed.
    ///
    /// - Parameter unanswered: the event that was taken from `events` and has not been answered.
    func leave(isStatic: Bool, unanswered: GroupEvent?) -> Bool {
        if let event = events.stop() ?? unanswered { _ = answer(event) }
        let start = ContinuousClock.now
        var wait = KafkaLeavingWait(handle, seconds: Self.leavingSeconds)
        // The group may have accepted the member before the client has received its member id. The client could not
        // leave then, and the group would wait for it.
        var naming = isStatic ? wait : KafkaLeavingWait(handle, seconds: Self.namingSeconds)
        let mayHaveJoined = isMember || subscription.mayHaveTopics(handle)
        if mayHaveJoined { poll(&naming) { self.isMember } }
        let hasLeft = giveUp(&wait)
        let isClosed = close(seconds: wait.isInVain ? 1 : 2)
        guard mayHaveJoined else { return true }
        // librdkafka does not report that the request to leave has failed.
        return hasLeft && isClosed && handle.notes.outage(since: start) == nil && wait.doesAnswer()
    }

    /// Removes the member from the group.
    ///
    /// A static member that closes stays in the group until its session ends, because it may come back. This one will
    /// not, and its partitions should go to others, so it unsubscribes first, which makes it leave the group. A dynamic
    /// member leaves when it closes, but in a rebalance the brokers read its request too late, after that to join.
    private func giveUp(_ wait: inout KafkaLeavingWait) -> Bool {
        guard isMember, rd_kafka_unsubscribe(handle.raw) == RD_KAFKA_RESP_ERR_NO_ERROR else { return false }
        // The request to leave is sent only after the revocation is answered here, and in a rebalance after that.
        poll(&wait) { !self.isMember }
        return !isMember
    }

    /// Returns whether the client has closed in time.
    private func close(seconds: Int) -> Bool {
        if let error = rd_kafka_consumer_close_queue(handle.raw, queue) {
            rd_kafka_error_destroy(error)
            return false
        }
        let isClosed = { rd_kafka_consumer_closed(self.handle.raw) != 0 }
        var wait = KafkaLeavingWait(handle, seconds: seconds)
        poll(&wait, until: isClosed)
        return isClosed()
    }

    private func poll(_ wait: inout KafkaLeavingWait, until isDone: () -> Bool) {
        while !isDone(), !wait.isOver() {
            guard let event = rd_kafka_queue_poll(queue, 20) else { continue }
            if let said = events.read(event) { _ = answer(said.event) }
            rd_kafka_event_destroy(event)
        }
    }

    /// Whether the client has a member id in the group.
    private var isMember: Bool {
        guard let id = rd_kafka_memberid(handle.raw) else { return false }
        defer { rd_kafka_mem_free(handle.raw, id) }
        return id.pointee != 0
    }
}
