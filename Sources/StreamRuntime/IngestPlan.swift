import Bytes
import ChangeEvents
import Columnar
import EventDecoders
import EventLog
import MixedTables

/// What a run does: a topology with its names resolved to logs and tables.
public struct IngestPlan: Sendable {
    public struct Source: Sendable {
        public let name: String
        public let log: any PartitionedLog
        /// Whether a topic of the log belongs to the source.
        public let includes: @Sendable (String) -> Bool
        /// Topics that must exist; the others are those `includes` matches, now or later.
        public let topics: [String]
        public let startup: Startup
        public let onLostOffsets: LostOffsets
        /// The group through which several processes share the partitions; nil when one process reads them all.
        public let group: String?
        /// The name under which the group knows this process over restarts; nil when it does not keep one.
        public let groupInstance: String?
        /// The regular expression of `includes`, for the group; nil when topics are named one by one.
        public let pattern: String?
        public let options: DebeziumJSONOptions

        public init(
            name: String,
            log: any PartitionedLog,
            topics: [String],
            includes: @escaping @Sendable (String) -> Bool,
            startup: Startup = .earliest,
            onLostOffsets: LostOffsets = .fail,
            group: String? = nil,
            groupInstance: String? = nil,
            pattern: String? = nil,
            options: DebeziumJSONOptions = DebeziumJSONOptions()
        ) {
            self.name = name
            self.log = log
            self.topics = topics
            self.includes = includes
            self.startup = startup
            self.onLostOffsets = onLostOffsets
            self.group = group
            self.groupInstance = groupInstance
            self.pattern = pattern
            self.options = options
        }
    }

    /// A table that source records are routed to.
    public struct Target: Sendable {
        public let name: String
        /// The columns read from a record, by name.
        public let sourceSchema: Schema
        public let primaryKey: [String]
        /// Projection and filter; nil when rows go in as they are.
        public let transform: RowTransform?
        public let table: MixedTable
        /// Whether a route can lead here; a table that is only looked up in may be filled by another topology.
        public let isReached: Bool
        /// Identifies the routes and filter that lead to the table. A position that brought it no row is valid for the
        /// same text only.
        public let route: String
        /// The table's LogStore; nil when it has none.
        public let logStore: LogStoreOutput?

        /// The columns of the rows after the transform.
        public var outputSchema: Schema { transform?.schema ?? sourceSchema }

        public init(
            name: String,
            sourceSchema: Schema,
            primaryKey: [String],
            transform: RowTransform? = nil,
            table: MixedTable,
            isReached: Bool = true,
            route: String = "",
            logStore: LogStoreOutput? = nil
        ) {
            self.name = name
            self.sourceSchema = sourceSchema
            self.primaryKey = primaryKey
            self.transform = transform
            self.table = table
            self.isReached = isReached
            self.route = route
            self.logStore = logStore
        }
    }

    /// A table that holds the rows of a target, each joined with a row of a dimension table.
    public struct Join: Sendable {
        public let name: String
        /// The index in `targets` of the target whose changes are joined.
        public let target: Int
        public let dimension: MixedTable
        /// The dimension's LogStore, through which its changes are seen before their commit; nil when it has none.
        public let dimensionLog: LogStoreInput?
        /// The name of the dimension, which may be a target of the same run.
        public let dimensionName: String
        /// The dimension's columns that `select` reads, in order.
        public let dimensionColumns: [String]
        /// The columns of the target whose values are the dimension's key, in the order of its primary key.
        public let keyColumns: [String]
        /// A row without a match is left out instead of filled with nulls.
        public let isInner: Bool
        /// Makes the result's columns from the target's columns followed by the dimension's.
        public let select: RowTransform
        public let table: MixedTable
        /// As that of a target.
        public let route: String
        public let logStore: LogStoreOutput?

        public init(
            name: String,
            target: Int,
            dimension: MixedTable,
            dimensionLog: LogStoreInput? = nil,
            dimensionName: String,
            dimensionColumns: [String],
            keyColumns: [String],
            isInner: Bool,
            select: RowTransform,
            table: MixedTable,
            route: String = "",
            logStore: LogStoreOutput? = nil
        ) {
            self.name = name
            self.target = target
            self.dimension = dimension
            self.dimensionLog = dimensionLog
            self.dimensionName = dimensionName
            self.dimensionColumns = dimensionColumns
            self.keyColumns = keyColumns
            self.isInner = isInner
            self.select = select
            self.table = table
            self.route = route
            self.logStore = logStore
        }
    }

    public let topology: String
    public let sources: [Source]
    public let targets: [Target]
    public let joins: [Join]
    /// Topics that the changes of tables are also written to.
    public let topics: [TopicOutput]
    /// Who else may write the tables.
    public let sharing: TableSharing
    /// The indexes of a source table's targets, by its identifier; empty when no route matches.
    public let route: @Sendable (String) -> [Int]
    /// A commit is due after this time or this many bytes of files, whichever comes first.
    public let commitMilliseconds: Int
    public let commitBytes: Int64
    /// Bytes of decoded changes that may wait for the writer.
    public let queueBytes: Int
    /// Whether the run moves changes into the base stores of its keyed tables.
    public let materializes: Bool
    /// Bytes of memory that the key indexes of all tables may take together.
    public let stateMemory: Int
    /// Bytes that may be prefetched from brokers for the readers of all partitions.
    var aheadBytes: Int { 2 * queueBytes }

    public init(
        topology: String,
        sources: [Source],
        targets: [Target],
        joins: [Join] = [],
        topics: [TopicOutput] = [],
        sharing: TableSharing? = nil,
        route: @escaping @Sendable (String) -> [Int],
        commitMilliseconds: Int = 10_000,
        commitBytes: Int64 = 512 << 20,
        queueBytes: Int = 64 << 20,
        materializes: Bool = false,
        stateMemory: Int = 512 << 20
    ) {
        self.topology = topology
        self.sources = sources
        self.targets = targets
        self.joins = joins
        self.topics = topics
        self.sharing = sharing ?? TableSharing(topology: topology)
        self.route = route
        self.commitMilliseconds = commitMilliseconds
        self.commitBytes = commitBytes
        self.queueBytes = queueBytes
        self.materializes = materializes
        self.stateMemory = stateMemory
    }

    /// The tables whose changes the run moves into base: keyed, and written to files by this topology.
    var materialized: [(name: String, table: MixedTable)] { kept.filter(\.table.isKeyed) }

    /// The tables that the run looks after: those that it writes to files, unless keyed ones are left to others.
    var kept: [(name: String, table: MixedTable)] {
        let written =
            targets.filter { $0.isReached && $0.logStore?.writesFiles != false }.map { ($0.name, $0.table) }
            + joins.filter { $0.logStore?.writesFiles != false }.map { ($0.name, $0.table) }
        return written.filter { materializes || !$0.1.isKeyed }.map { (name: $0.0, table: $0.1) }
    }

    /// Whether a topic whose route has changed is read from where the topology started reading it, rather than from the
    /// earliest offset.
    var keepsStart: @Sendable (_ topic: String) -> Bool {
        { [sources] topic in sources.contains { $0.startup != .earliest && $0.includes(topic) } }
    }

    /// The partitions of sources that processes may share.
    func shareablePartitions() throws(WeirError) -> [TopicPartition] {
        var all: [TopicPartition] = []
        for source in sources where source.group != nil {
            for topic in try source.log.topics() where source.includes(topic) {
                all += try source.log.partitions(of: topic).map { TopicPartition(topic: topic, partition: $0) }
            }
        }
        return all
    }
}
