import ChangeEvents

/// Where reading starts in a partition for which no table has stored a position.
public enum Startup: Sendable, Hashable {
    case earliest
    case latest
    /// The first record at or after that time, in milliseconds since 1970.
    case timestamp(Int64)
    /// These offsets; partitions not listed start at their earliest.
    case offsets([TopicPartition: Int64])
    /// The committed offsets of the source's consumer group; earliest where it has committed nothing. Kafka only.
    case groupOffsets
}

/// What happens when the log no longer holds the next record to read.
public enum LostOffsets: String, Sendable, CaseIterable {
    /// The run fails and reports the lost offsets.
    case fail
    /// Reading continues with the oldest available record.
    case earliest
    /// Reading continues with the next record that is written.
    case latest
}
