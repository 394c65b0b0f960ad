import Bytes
import MixedTables

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
    /// How long the oldest change of the last commit took from the time of its source record until it was visible, in
    /// milliseconds; nil when its record has no time, or one in the future.
    public internal(set) var visibleAfter: Int64?
    /// What base lacks of each table's changes, as of the last look at it and the commits since.
    public internal(set) var backlogs: [String: MaterializeBacklog] = [:]
    /// The key indexes through which changes are moved into base, by table.
    public internal(set) var keyIndexes: [String: KeyIndexReport] = [:]
    /// What was done to optimize tables, since the run began.
    public internal(set) var optimizing: [String: OptimizingProgress] = [:]
    /// What was done last to look after tables, oldest first.
    public internal(set) var upkeep: [String] = []

    /// The table whose base has been behind its commits for longest, and since when, milliseconds since 1970.
    public var oldestBacklog: (table: String, since: Int64)? {
        backlogs.compactMap { name, backlog in backlog.oldest.map { (table: name, since: $0) } }
            .min { ($0.since, $0.table) < ($1.since, $1.table) }
    }

    /// A table whose keys in base are being read, without which no changes can be moved there.
    public var baseLoading: String? { backlogs.filter { $0.value.isLoading }.keys.min() }

    public init() {}
}
