import Bytes
import CRdKafka
import EventLog
import Foundation

/// Polls a consumer group client on its own thread and queues the group's events until the member takes them.
///
/// librdkafka leaves a group when it is not polled for `max.poll.interval.ms`. A commit or loading keys may take
/// longer, and must not lose partitions. The member itself answers the events: during a rebalance the brokers wait
/// `max.poll.interval.ms` for each member's answer and then continue without it. A member that takes no events for an
/// hour is considered hung: it is no longer polled, so librdkafka gives its partitions away.
final class KafkaGroupEvents: @unchecked Sendable {
    /// An event from the group.
    struct Said {
        let event: GroupEvent
        /// Whether the group rebalanced but assigned the same generation to the same member again.
        var isRepeated = false
    }

    private static let patience = Duration.seconds(3600)
    private static let pollMilliseconds: Int32 = 200

    private let handle: KafkaHandle
    private let queue: OpaquePointer
    private let patience: Duration
    private let condition = Condition()
    // Protected by `condition`.
    private var told: [Said] = []
    private var lastAsked = ContinuousClock.now
    private var isStopping = false
    private var isRunning = true
    // Used by the polling thread, and by others once it has stopped.
    private var lastDeal: [UInt8]?

    /// - Parameters:
    ///   - queue: the consumer queue of the client; both must outlive `stop`.
    ///   - patience: how long the member may take no events before it is considered hung.
    init(_ handle: KafkaHandle, _ queue: OpaquePointer, patience: Duration = patience) {
        self.handle = handle
        self.queue = queue
        self.patience = patience
        let thread = Thread { [self] in run() }
        thread.name = "weir-group"
        thread.start()
    }

    /// Takes the oldest event; waits up to the timeout if there is none.
    func next(timeoutMilliseconds: Int) -> Said? {
        let deadline = MonotonicTime.after(milliseconds: timeoutMilliseconds)
        return condition.locked {
            lastAsked = .now
            while told.isEmpty, MonotonicTime.now < deadline { condition.wait(until: deadline) }
            return told.isEmpty ? nil : told.removeFirst()
        }
    }

    /// Stops the thread; the queue may be used by others afterwards. Returns the event that the member has not taken.
    func stop() -> GroupEvent? {
        condition.locked {
            isStopping = true
            rd_kafka_queue_yield(queue)
            while isRunning { condition.wait() }
            return told.last?.event
        }
    }

    /// Queues an event for the member.
    func tell(_ said: Said) {
        condition.locked {
            told.append(said)
            condition.broadcast()
        }
    }

    private func run() {
        while true {
            let (isOver, isHanging) = condition.locked { (isStopping, ContinuousClock.now - lastAsked > patience) }
            if isOver { break }
            if isHanging {
                Thread.sleep(forTimeInterval: Double(Self.pollMilliseconds) / 1000)
                continue
            }
            guard let event = rd_kafka_queue_poll(queue, Self.pollMilliseconds) else { continue }
            defer { rd_kafka_event_destroy(event) }
            if let read = read(event) { tell(read) }
        }
        condition.locked {
            isRunning = false
            condition.broadcast()
        }
    }

    /// Parses an event of the queue; notes errors.
    func read(_ event: OpaquePointer) -> Said? {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE:
            guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS else {
                return Said(event: rd_kafka_assignment_lost(handle.raw) != 0 ? .lost : .revoked)
            }
            let list = rd_kafka_event_topic_partition_list(event)
            let partitions = list.map { KafkaPartitionList.partitions($0).sorted() } ?? []
            let deal = self.deal
            defer { lastDeal = deal }
            return Said(event: .assigned(partitions), isRepeated: deal != nil && deal == lastDeal)
        case RD_KAFKA_EVENT_ERROR:
            var code = rd_kafka_event_error(event)
            var text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? KafkaFailure.name(code)
            // The event only reports that the error is fatal; get the actual error separately.
            if code == RD_KAFKA_RESP_ERR__FATAL {
                var said = KafkaText()
                code = said.fill { rd_kafka_fatal_error(handle.raw, $0, $1) }
                text = said.text
            }
            handle.notes.add(KafkaFailure.Note(code, text))
            return nil
        default: return nil
        }
    }

    /// The group, its generation and this member's ids, serialized by librdkafka.
    private var deal: [UInt8]? {
        guard let metadata = rd_kafka_consumer_group_metadata(handle.raw) else { return nil }
        defer { rd_kafka_consumer_group_metadata_destroy(metadata) }
        var written: UnsafeMutableRawPointer?
        var count = 0
        if let error = rd_kafka_consumer_group_metadata_write(metadata, &written, &count) {
            rd_kafka_error_destroy(error)
            return nil
        }
        guard let written else { return nil }
        defer { rd_kafka_mem_free(nil, written) }
        return Array(UnsafeRawBufferPointer(start: written, count: count))
    }
}
