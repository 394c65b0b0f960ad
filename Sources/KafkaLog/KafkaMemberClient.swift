import Bytes
import CRdKafka
import EventLog

/// A client that is a member of a group, and the queue of its group events.
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
        // librdkafka treats a name that begins with "^" as a regular expression.
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

    /// How long to wait for the response to a join request: the group sends it once every member has committed.
    private static let joiningSeconds = 12
    private static let leavingSeconds = 3

    /// Removes a static member from the group; returns whether the group was informed.
    ///
    /// A static member that closes stays in the group until its session ends, because it may come back. This one will
    /// not, and its partitions should go to others, so it unsubscribes first, which makes it leave the group.
    func giveUp() -> Bool {
        // The group may have accepted the member before the client has received its member id. The client could not
        // leave then, and the group would wait for it. So wait for the member id, unless the brokers are unavailable.
        let start = ContinuousClock.now - .seconds(15)
        poll(for: Self.joiningSeconds) { self.isMember || self.handle.outage != nil }
        guard isMember, rd_kafka_unsubscribe(handle.raw) == RD_KAFKA_RESP_ERR_NO_ERROR else { return false }
        // The request to leave is sent only after the revocation is answered here. An outage may be of another broker, or
        // over, so it shortens the wait and does not skip it.
        let earliest = ContinuousClock.now + .seconds(1)
        poll(for: Self.leavingSeconds) {
            !self.isMember || (ContinuousClock.now >= earliest && self.handle.notes.outage(since: start) != nil)
        }
        return !isMember
    }

    func close() {
        if let error = rd_kafka_consumer_close_queue(handle.raw, queue) {
            rd_kafka_error_destroy(error)
            return
        }
        // An unresponsive broker must not delay the end of the process.
        let isAway = handle.notes.outage(since: ContinuousClock.now - .seconds(15)) != nil
        let deadline = ContinuousClock.now + .seconds(isAway ? 1 : 5)
        while rd_kafka_consumer_closed(handle.raw) == 0, ContinuousClock.now < deadline { giveAwayNext(100) }
    }

    private func poll(for seconds: Int, until isDone: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !isDone(), ContinuousClock.now < deadline { giveAwayNext(20) }
    }

    /// Handles the next event, if any; answers a rebalance by giving up all partitions.
    private func giveAwayNext(_ milliseconds: Int32) {
        guard let event = rd_kafka_queue_poll(queue, milliseconds) else { return }
        if rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { rd_kafka_assign(handle.raw, nil) }
        rd_kafka_event_destroy(event)
    }

    /// Whether the client has a member id in the group.
    private var isMember: Bool {
        guard let id = rd_kafka_memberid(handle.raw) else { return false }
        defer { rd_kafka_mem_free(handle.raw, id) }
        return id.pointee != 0
    }
}
