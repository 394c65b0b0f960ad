import Bytes
import CRdKafka
import EventLog

/// A client that belongs to a group, and the queue on which it is told of the group.
final class KafkaMemberClient {
    let handle: KafkaHandle
    let events: KafkaGroupEvents
    private let queue: OpaquePointer

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

    deinit { rd_kafka_queue_destroy(queue) }

    // MARK: Leaving, once the events are stopped

    /// How long is waited for the answer to a request to join: the group gives it once every member has committed.
    private static let joiningSeconds = 12
    private static let leavingSeconds = 3

    /// Gives the name of a static member back; returns whether the group was told.
    ///
    /// A static member that closes stays in the group until its session ends: it may be about to come back. This one is
    /// not, and its partitions are for others, so it gives its subscription up first, which does make it leave.
    func giveUp() -> Bool {
        // The group may know the member before the member does: it could not leave, and would be waited for. Brokers that
        // are away have nothing to answer.
        let start = ContinuousClock.now - .seconds(15)
        poll(for: Self.joiningSeconds) { self.isMember || self.handle.outage != nil }
        guard isMember, rd_kafka_unsubscribe(handle.raw) == RD_KAFKA_RESP_ERR_NO_ERROR else { return false }
        poll(for: Self.leavingSeconds) { !self.isMember || self.handle.notes.outage(since: start) != nil }
        return !isMember
    }

    func close() {
        if let error = rd_kafka_consumer_close_queue(handle.raw, queue) {
            rd_kafka_error_destroy(error)
            return
        }
        // A broker that does not answer must not hold up the end of the process.
        let isAway = handle.notes.outage(since: ContinuousClock.now - .seconds(15)) != nil
        let deadline = ContinuousClock.now + .seconds(isAway ? 1 : 5)
        while rd_kafka_consumer_closed(handle.raw) == 0, ContinuousClock.now < deadline { giveAwayNext(100) }
    }

    private func poll(for seconds: Int, until isDone: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !isDone(), ContinuousClock.now < deadline { giveAwayNext(20) }
    }

    /// Answers the next event, if one comes, by having no partitions.
    private func giveAwayNext(_ milliseconds: Int32) {
        guard let event = rd_kafka_queue_poll(queue, milliseconds) else { return }
        if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(handle.raw, nil) }
        rd_kafka_event_destroy(event)
    }

    /// Whether the group has given this client a name that it has not given back.
    private var isMember: Bool {
        guard let id = rd_kafka_memberid(handle.raw) else { return false }
        defer { rd_kafka_mem_free(handle.raw, id) }
        return id.pointee != 0
    }
}
