import Bytes

/// What a run does at the moment, for those who watch it. Counts are in `IngestProgress`.
public struct RunState: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Tables are opened, their keys and the dimensions read.
        case opening
        /// A group has not given this process its partitions yet.
        case awaitingPartitions
        case reading
    }

    public internal(set) var phase = Phase.opening
    /// Times that a fixed set of partitions was begun with.
    public internal(set) var generation = 0
    /// Of this generation.
    public internal(set) var partitions = 0
    public internal(set) var topics = 0
    /// When rows were last committed.
    public internal(set) var lastCommit: RunClock.Instant?
    /// When the commit began that is under way; nil when none is.
    public internal(set) var commitBegan: RunClock.Instant?

    public init() {}
}
