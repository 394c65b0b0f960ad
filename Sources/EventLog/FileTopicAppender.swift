import Bytes

/// Appends to one topic of a file log. Used by one thread at a time.
public final class FileTopicAppender: TopicAppender, @unchecked Sendable {
    // Used by one thread at a time; `FileLogWriter` itself is thread-safe.
    /// Batch size at which the records of one call continue in a new batch.
    private static let batchBytes = 4 << 20

    private struct Submitted {
        let partition: Int
        let count: Int
        let ticket: AppendTicket
    }

    public let topic: String
    public let partitions: [Int]
    public private(set) var ends: [Int: Int64] = [:]
    private let writer: FileLogWriter
    private let codec: CompressionCodec
    private var submitted: [Submitted] = []
    /// How many of `submitted` are acknowledged.
    private var acknowledged = 0
    private var isClosed = false

    /// Locks the topic until the writer is closed. Fails with `notFound` when there is no such topic and with `locked`
    /// when another writer has it.
    public init(_ writer: FileLogWriter, topic: String, codec: CompressionCodec = .none) throws(WeirError) {
        partitions = try writer.log.partitions(of: topic)
        try writer.open(topic: topic)
        self.writer = writer
        self.topic = topic
        self.codec = codec
    }

    public func append(_ batch: RawBatch) throws(WeirError) {
        guard !isClosed else { throw WeirError(.cancelled, "the appender was closed", at: "topic \(topic)") }
        guard batch.count > 0 else { return }
        try takeAcknowledged()
        let now = writer.log.clock()
        var builder = RecordBatchBuilder(codec: codec, capacity: min(batch.arena.count + batch.count * 16, 8 << 20))
        for record in batch.records {
            try builder.append(
                key: batch.key(record),
                value: batch.value(record),
                timestamp: record.timestamp < 0 ? now : record.timestamp
            )
            if builder.byteCount >= Self.batchBytes { try submit(builder.finish(), to: batch.partition) }
        }
        if !builder.isEmpty { try submit(builder.finish(), to: batch.partition) }
    }

    public func flush() throws(WeirError) {
        while acknowledged < submitted.count { try acknowledge(submitted[acknowledged].ticket.wait()) }
        submitted = []
        acknowledged = 0
    }

    /// Waits until all appended records are acknowledged. The writer stays open.
    public func close() throws(WeirError) {
        isClosed = true
        try flush()
    }

    private func submit(_ records: EncodedRecordBatch, to partition: Int) throws(WeirError) {
        let ticket = try writer.submit(topic: topic, partition: partition, records: records)
        submitted.append(Submitted(partition: partition, count: records.count, ticket: ticket))
    }

    /// Releases batches that are already acknowledged, so that their memory is freed before the next flush.
    private func takeAcknowledged() throws(WeirError) {
        while acknowledged < submitted.count, let first = try submitted[acknowledged].ticket.poll() {
            acknowledge(first)
        }
        guard acknowledged > 0 else { return }
        submitted.removeFirst(acknowledged)
        acknowledged = 0
    }

    private func acknowledge(_ first: Int64) {
        let batch = submitted[acknowledged]
        ends[batch.partition] = first + Int64(batch.count)
        acknowledged += 1
    }
}
