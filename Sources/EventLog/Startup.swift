/// Where reading begins in a partition that no table has a position for.
public enum Startup: Sendable, Hashable {
    case earliest
    case latest
    /// The first record at or after that time, in milliseconds since 1970.
    case timestamp(Int64)
    /// Those offsets; partitions that are not named begin at their earliest.
    case offsets([TopicPartition: Int64])
    /// Behind what the source's consumer group has committed, the earliest where it has committed nothing. Kafka only.
    case groupOffsets
}

/// What happens when the log no longer holds the next record to read.
public enum LostOffsets: String, Sendable, CaseIterable {
    /// The run stops and says which are lost.
    case fail
    /// Reading goes on with the oldest record that is there.
    case earliest
    /// Reading goes on with the next record that is written.
    case latest
}
