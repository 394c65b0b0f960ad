import Bytes
import CRdKafka
import EventLog
import Foundation

/// Polls a group's client on a thread of its own and keeps what the group says until the member asks for it.
///
/// librdkafka leaves a group when it is not polled for `max.poll.interval.ms`. A commit or the loading of keys may take
/// longer and is no reason to give partitions away. Answering is the member's business: at a change of the group the
/// brokers wait `max.poll.interval.ms` for the answer of each member and then go on without it. A member that asks for
/// nothing for an hour hangs; it is not polled any more, so librdkafka gives its partitions away.
final class KafkaGroupEvents: @unchecked Sendable {
    /// What the group says.
    struct Said {
        let event: GroupEvent
        /// Whether the group has changed and yet has dealt out the same generation to the same member as before.
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
    // Used by the polling thread.
    private var lastDeal: [UInt8]?

    /// - Parameters:
    ///   - queue: the consumer queue of the client; both must outlive `stop`.
    ///   - patience: how long the member may ask for nothing.
    init(_ handle: KafkaHandle, _ queue: OpaquePointer, patience: Duration = patience) {
        self.handle = handle
        self.queue = queue
        self.patience = patience
        let thread = Thread { [self] in run() }
        thread.name = "weir-group"
        thread.start()
    }

    /// Takes what has happened first; waits at most so long when nothing has.
    func next(timeoutMilliseconds: Int) -> Said? {
        let deadline = MonotonicTime.after(milliseconds: timeoutMilliseconds)
        return condition.locked {
            lastAsked = .now
            while told.isEmpty, MonotonicTime.now < deadline { condition.wait(until: deadline) }
            return told.isEmpty ? nil : told.removeFirst()
        }
    }

    /// Ends the thread; from then on the queue may be used by others. Returns whether the group has said something that
    /// nobody has asked for.
    func stop() -> Bool {
        condition.locked {
            isStopping = true
            rd_kafka_queue_yield(queue)
            while isRunning { condition.wait() }
            return !told.isEmpty
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
            guard let read = read(event) else { continue }
            condition.locked {
                told.append(read)
                condition.broadcast()
            }
        }
        condition.locked {
            isRunning = false
            condition.broadcast()
        }
    }

    private func read(_ event: OpaquePointer) -> Said? {
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
            // What has happened is told on another way than that it is final.
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

    /// The group, its generation and the names that it knows this member by, as librdkafka writes them for other clients.
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
