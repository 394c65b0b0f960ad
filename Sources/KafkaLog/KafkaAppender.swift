import Bytes
import CRdKafka
import EventLog

/// Appends to one topic as an idempotent producer: a retry neither doubles nor reorders records.
///
/// After a failure it stays failed: which of the records in flight arrived is not known.
public final class KafkaAppender: TopicAppender {
    private let producer: KafkaProducer

    /// Fails with `notFound` when there is no such topic.
    public init(_ log: KafkaLog, topic: String) throws(WeirError) {
        producer = try KafkaProducer(log, topic: topic)
    }

    public var topic: String { producer.topic }
    public var partitions: [Int] { producer.partitions }
    public var ends: [Int: Int64] { producer.ends }

    /// Waits while more than `queue.buffering.max.kbytes` are on their way.
    public func append(_ batch: RawBatch) throws(WeirError) { try producer.send(batch) }
    public func flush() throws(WeirError) { try producer.flush() }
    public func close() throws(WeirError) { try producer.flush() }
}
