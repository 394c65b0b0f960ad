import Bytes
import EventLog

/// Checks for `weir check` and `weir doctor` whether brokers answer and topics can be used.
public struct KafkaBrokerCheck: Sendable {
    /// The result of checking a topic.
    public struct Topic: Sendable, Equatable {
        public let partitions: Int
        /// The number of offsets between the earliest and the end, which approximates the number of records.
        public let records: Int64
    }

    /// Every topic this user sees, sorted.
    public let topics: [String]
    private let log: KafkaLog
    private static let readMilliseconds = 500

    /// Contacts the brokers. Blocks for at most about the given time, and fails with the reason when none answers.
    public init(_ settings: KafkaSettings, timeoutMilliseconds: Int = 5000) throws(WeirError) {
        log = try KafkaLog(settings, timeoutMilliseconds: timeoutMilliseconds)
        topics = try log.topics()
    }

    /// Fails when the topic or the group's offsets cannot be read.
    public func reading(_ topic: String, group: String? = nil) throws(WeirError) -> Topic {
        let partitions = try log.partitions(of: topic)
        var records: Int64 = 0
        var first: (partition: Int, earliest: Int64)?
        for partition in partitions {
            let (earliest, end) = try log.offsets(topic: topic, partition: partition)
            records += max(0, end - earliest)
            if first == nil { first = (partition, earliest) }
        }
        if let (partition, earliest) = first {
            // Looking up a topic needs fewer rights than reading it, so read from it.
            let reader = try log.reader(topic: topic, partition: partition, from: earliest)
            _ = try reader.waitForRecords(timeoutMilliseconds: Self.readMilliseconds)
            if let group { _ = try log.committedOffset(group: group, topic: topic, partition: partition) }
        }
        return Topic(partitions: partitions.count, records: records)
    }

    /// Fails when there is no such topic. The right to write cannot be checked without writing.
    public func writing(_ topic: String) throws(WeirError) -> Topic {
        Topic(partitions: try log.partitions(of: topic).count, records: 0)
    }
}
