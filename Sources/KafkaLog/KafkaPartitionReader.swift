import Bytes
import CRdKafka
import EventLog

/// Reads one partition through its librdkafka queue.
///
/// Prefetching is bounded: unread records stay in librdkafka's queue, which stops fetching at
/// `queued.max.messages.kbytes`. Versions before 2.2 then check only once a second for free space, unless another event
/// wakes them.
final class KafkaPartitionReader: PartitionReader, @unchecked Sendable {
    // Used by one thread at a time.
    private(set) var position: Int64
    private let log: KafkaLog
    let lease: KafkaDataClient.Lease
    private let topic: OpaquePointer
    private let partition: Int32
    private var pending = KafkaMessages()
    /// Records and bytes taken since the queue was last found empty.
    private var taken = (count: 0, bytes: 0)
    private var isDry = false
    /// The wakeup that librdkafka signals when its empty queue gets a message.
    private var wakeup: Wakeup?
    /// Whether the position has skipped offsets without records since `next` last returned a batch.
    private var hasSkipped = false
    /// The error that ended reading. librdkafka reports it once and then delivers nothing more, so it is kept for later
    /// calls.
    private var failure: WeirError?

    init(_ log: KafkaLog, _ lease: KafkaDataClient.Lease, from offset: Int64) throws(WeirError) {
        self.log = log
        self.lease = lease
        position = offset
        partition = Int32(lease.partition.partition)
        guard let topic = rd_kafka_topic_new(lease.handle.raw, lease.partition.topic, nil) else {
            throw lease.handle.failure(rd_kafka_last_error(), "read \(lease.partition)")
        }
        guard rd_kafka_consume_start(topic, partition, offset) == 0 else {
            rd_kafka_topic_destroy(topic)
            throw lease.handle.failure(rd_kafka_last_error(), "read \(lease.partition)")
        }
        self.topic = topic
    }

    deinit {
        // Messages must be freed before their client.
        pending.drop(pending.count)
        notify(nil)
        rd_kafka_consume_stop(topic, partition)
        rd_kafka_topic_destroy(topic)
    }

    func next(maxBytes: Int) throws(WeirError) -> RawBatch? {
        try keepingFailure { () throws(WeirError) in try take(maxBytes: maxBytes) }
    }

    private func keepingFailure<Result>(_ body: () throws(WeirError) -> Result) throws(WeirError) -> Result {
        if let failure { throw failure }
        do {
            return try body()
        } catch {
            failure = error
            throw error
        }
    }

    private func take(maxBytes: Int) throws(WeirError) -> RawBatch? {
        try skipEvents()
        let (count, bytes) = measure(maxBytes: min(maxBytes, 1 << 30))
        guard count > 0 else {
            try skipEvents()
            wakeIfStopped()
            try checkBrokers()
            return nil
        }
        let batch = copy(count, bytes)
        pending.drop(count)
        hasSkipped = false
        taken = (taken.count + count, taken.bytes + bytes)
        wakeIfStopped()
        // The next message may be the end of the partition, after control records.
        if let message = pending.first, message.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF { try skipEvents() }
        return batch
    }

    func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool {
        // Errors are reported by `next`, which applies the rules for lost offsets.
        (try? keepingFailure { () throws(WeirError) in try wait(timeoutMilliseconds) }) ?? true
    }

    private func wait(_ timeoutMilliseconds: Int) throws(WeirError) -> Bool {
        try skipEvents()
        let deadline = ContinuousClock.now + .milliseconds(timeoutMilliseconds)
        while pending.count == 0, !hasSkipped {
            let left = (deadline - .now).milliseconds
            guard pending.fetch(topic, partition, waiting: Int32(clamping: max(left, 0))) || left > 0 else {
                try checkBrokers()
                return false
            }
            try skipEvents()
        }
        hasSkipped = false
        return true
    }

    func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
        if self.wakeup !== wakeup { notify(wakeup) }
        return (try? keepingFailure { () throws(WeirError) in try look() }) ?? true
    }

    private func look() throws(WeirError) -> Bool {
        defer { hasSkipped = false }
        try skipEvents()
        while pending.count == 0, !hasSkipped, pending.fetch(topic, partition) { try skipEvents() }
        if pending.count > 0 || hasSkipped { return true }
        try checkBrokers()
        return false
    }

    private func notify(_ wakeup: Wakeup?) {
        guard self.wakeup !== wakeup else { return }
        let queue = rd_kafka_queue_get_partition(lease.handle.raw, lease.partition.topic, partition)
        defer { rd_kafka_queue_destroy(queue) }
        var one: UInt64 = 1
        // librdkafka copies the payload.
        rd_kafka_queue_io_event_enable(queue, wakeup?.descriptor ?? -1, &one, 8)
        self.wakeup = wakeup
    }

    /// Checks whether an offset beyond the end reported by the brokers can be read anyway.
    func probe(end: Int64) throws(WeirError) {
        do {
            _ = pending.fetch(topic, partition, waiting: 2000)
            try skipEvents()
        } catch {
            throw error.code == .notFound || error.code == .invalid
                ? KafkaLostOffsets.beyondEnd(lease.partition.topic, Int(partition), position, end: end) : error
        }
    }

    // MARK: Batches

    /// The number of pending messages in the next batch, and the bytes of their keys and values.
    private func measure(maxBytes: Int) -> (count: Int, bytes: Int) {
        isDry = false
        var count = 0
        var bytes = 0
        while true {
            while count < pending.count {
                guard let message = pending[count], message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                    return (count, bytes)
                }
                let size = message.pointee.len + message.pointee.key_len
                if count > 0, bytes + size > maxBytes { return (count, bytes) }
                bytes += size
                count += 1
            }
            guard bytes < maxBytes else { return (count, bytes) }
            isDry = !pending.fetch(topic, partition)
            if isDry { return (count, bytes) }
        }
    }

    private func copy(_ count: Int, _ bytes: Int) -> RawBatch {
        typealias Record = RawBatch.Record
        let tableBytes = count * MemoryLayout<Record>.stride
        var last = position
        var table: Buffer?
        let arena = log.arenas.buffer(capacity: bytes + RawBatch.padding) { arena in
            table = log.tables.buffer(capacity: tableBytes) { table in
                let records = table.bindMemory(to: Record.self, capacity: count)
                var end = 0
                for index in 0..<count {
                    guard let message = pending[index] else { continue }
                    let keyStart = end
                    let keyCount = append(message.pointee.key, message.pointee.key_len, to: arena, &end)
                    let valueStart = end
                    let valueCount = append(message.pointee.payload, message.pointee.len, to: arena, &end)
                    last = message.pointee.offset + 1
                    (records + index).initialize(
                        to: Record(
                            offset: message.pointee.offset,
                            timestamp: rd_kafka_message_timestamp(message, nil),
                            keyStart: Int32(keyStart),
                            keyCount: keyCount,
                            valueStart: Int32(valueStart),
                            valueCount: valueCount
                        )
                    )
                }
                (arena + end).initializeMemory(as: UInt8.self, repeating: 0, count: RawBatch.padding)
                return tableBytes
            }
            return bytes + RawBatch.padding
        }
        position = last
        return RawBatch(
            topic: lease.partition.topic,
            partition: Int(partition),
            arena: arena,
            table: table ?? Buffer(copying: [])
        )
    }

    /// Returns the number of appended bytes; −1 for an absent key or value.
    @inline(__always)
    private func append(
        _ bytes: UnsafeMutableRawPointer?,
        _ count: Int,
        to arena: UnsafeMutableRawPointer,
        _ end: inout Int
    ) -> Int32 {
        guard let bytes else { return -1 }
        (arena + end).copyMemory(from: bytes, byteCount: count)
        end += count
        return Int32(count)
    }

    /// Fetching may have stopped if enough was taken that the queue may have been full. Any request to the broker makes
    /// librdkafka check again.
    private func wakeIfStopped() {
        guard isDry, rd_kafka_version() < 0x0202_0000 else { return }
        defer { taken = (0, 0) }
        guard taken.count >= lease.prefetch.records / 2 || taken.bytes >= lease.prefetch.bytes / 2 else { return }
        var (low, high): (Int64, Int64) = (0, 0)
        // The result is ignored.
        rd_kafka_query_watermark_offsets(lease.handle.raw, lease.partition.topic, partition, &low, &high, 1000)
    }

    // MARK: Events

    /// Handles end and error messages before the next record.
    private func skipEvents() throws(WeirError) {
        while let message = pending.first, message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR {
            let code = message.pointee.err
            let offset = message.pointee.offset
            let text = message.pointee.payload.map {
                String(decoding: UnsafeRawBufferPointer(start: $0, count: message.pointee.len), as: UTF8.self)
            }
            pending.drop(1)
            try handle(code, offset, text)
        }
    }

    private func handle(_ code: rd_kafka_resp_err_t, _ offset: Int64, _ text: String?) throws(WeirError) {
        switch code {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            // Transaction markers and removed records occupy offsets; the end is after them.
            guard offset > position else { return }
            position = offset
            hasSkipped = true
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            let name = lease.partition.topic
            let (earliest, end) = try log.offsets(topic: name, partition: Int(partition))
            throw position > end
                ? KafkaLostOffsets.beyondEnd(name, Int(partition), position, end: end)
                : KafkaLostOffsets.error(name, Int(partition), position, earliest: earliest)
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            // Continue if the brokers do know the partition: the client will find its leader again.
            _ = try log.failure(code, lease.partition.topic, Int(partition), of: lease.handle)
        case RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR_INVALID_MSG,
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
            RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
            throw lease.handle.failure(
                code,
                "read on",
                text: text,
                at: "topic \(lease.partition.topic), partition \(partition), offset \(position)"
            )
        default:
            let note = KafkaFailure.Note(code, text ?? KafkaFailure.name(code))
            lease.handle.notes.add(note)
            try checkBrokers()
        }
    }

    /// Throws permanent failures, such as a refused user. Other failures pass: librdkafka reconnects to brokers that
    /// are down.
    private func checkBrokers() throws(WeirError) {
        rd_kafka_poll(lease.handle.raw, 0)
        guard let note = lease.handle.notes.takePermanent() else { return }
        throw KafkaFailure.error(
            note.code,
            "read topic \(lease.partition.topic), partition \(partition)",
            text: note.text,
            at: lease.handle.brokers
        )
    }
}

extension KafkaMessages {
    var first: UnsafeMutablePointer<rd_kafka_message_t>? { count > 0 ? self[0] : nil }
}

extension Duration {
    var milliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}
