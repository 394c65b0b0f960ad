import Bytes
import CRdKafka
import EventLog

/// Appends to one topic as an idempotent producer: a retry neither duplicates nor reorders records.
///
/// A failure is permanent, because it is unknown which records in flight were appended.
public final class KafkaAppender: TopicAppender {
    private let producer: KafkaProducer

    /// Fails with `notFound` when there is no such topic.
    public init(_ log: KafkaLog, topic: String) throws(WeirError) {
        producer = try KafkaProducer(log, topic: topic)
    }

    public var topic: String { producer.topic }
    public var partitions: [Int] { producer.partitions }
    public var ends: [Int: Int64] { producer.ends }

    /// Blocks while more than `queue.buffering.max.kbytes` are in flight.
    public func append(_ batch: RawBatch) throws(WeirError) { try producer.send(batch) }
    public func flush() throws(WeirError) { try producer.flush() }
    public func close() throws(WeirError) { try producer.flush() }
}
