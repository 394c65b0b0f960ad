import Bytes

/// What a run is doing now, for monitoring. Counts are in `IngestProgress`.
public struct RunState: Sendable {
    public enum Phase: Sendable, Equatable {
        /// Tables are opened, their keys and the dimensions read.
        case opening
        /// A group has not given this process its partitions yet.
        case awaitingPartitions
        case reading
    }

    public internal(set) var phase = Phase.opening
    /// The number of generations started.
    public internal(set) var generation = 0
    /// Of the current generation.
    public internal(set) var partitions = 0
    public internal(set) var topics = 0
    /// When rows were last committed.
    public internal(set) var lastCommit: RunClock.Instant?
    /// When the commit under way began; nil when there is none.
    public internal(set) var commitBegan: RunClock.Instant?

    public init() {}
}
