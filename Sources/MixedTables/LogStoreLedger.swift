import Bytes
import ChangeEvents

/// The state of a table's LogStore as of a commit: how far each writer's records are in the change store as well.
///
/// Stored as the table property `weir.log-store.<topology>` by the commit that makes the rows visible:
/// `{"3f9a":{"epoch":5,"ends":{"0":120},"live":true,"partitions":["orders/0"]}}`.
///
/// With this value, the table at that commit contains every record of upstream `3f9a` up to epoch 5, and all later
/// records are at or after the ends.
public struct LogStoreLedger: TopologyLedger {
    /// One writer's progress.
    public struct Upstream: Sendable, Equatable, Codable {
        /// The last committed epoch; 0 before the first.
        public var epoch: Int64
        /// For each LogStore partition: the offset at or after which the records of later epochs begin.
        public var ends: [String: Int64]
        /// False once the writer has ended. Any later epochs of it are retracted.
        public var live: Bool
        /// The source partitions that the writer has claimed. Another claim on one of them ends the writer.
        public var partitions: [String]

        public init(epoch: Int64, ends: [Int: Int64], live: Bool, partitions: [String] = []) {
            self.epoch = epoch
            self.ends = Dictionary(uniqueKeysWithValues: ends.map { (String($0.key), $0.value) })
            self.live = live
            self.partitions = partitions
        }

        /// The end in one partition of the LogStore; 0 when unknown.
        public func end(partition: Int) -> Int64 { ends[String(partition)] ?? 0 }
    }

    public var upstreams: [String: Upstream]

    public init(_ upstreams: [String: Upstream]) { self.upstreams = upstreams }
    public init() { upstreams = [:] }

    public static let propertyPrefix = "weir.log-store."

    public static func propertyName(topology: String) -> String { propertyPrefix + topology }

    public init(json: String) throws(WeirError) {
        upstreams = try LedgerJSON.value(json, "a LogStore ledger is not of the form {upstream: {epoch, ends, live}}")
    }

    public var json: String { LedgerJSON.text(upstreams) }

    /// The offset at which a reader of the table starts in a LogStore partition: before everything that the table
    /// lacks.
    public func start(partition: Int) -> Int64 {
        let live = upstreams.values.filter(\.live).map { $0.end(partition: partition) }
        let ended = upstreams.values.filter { !$0.live }.map { $0.end(partition: partition) }
        return live.min() ?? ended.max() ?? 0
    }

    /// What readers of a commit need.
    var withoutPartitions: LogStoreLedger {
        LogStoreLedger(
            upstreams.mapValues { upstream in
                var upstream = upstream
                upstream.partitions = []
                return upstream
            }
        )
    }

    /// Removes ended writers whose records a reader of the table cannot encounter any more.
    public mutating func prune() {
        guard upstreams.values.contains(where: \.live) else { return }
        let partitions = Set(upstreams.values.flatMap { $0.ends.keys.compactMap { Int($0) } })
        let starts = Dictionary(uniqueKeysWithValues: partitions.map { ($0, start(partition: $0)) })
        upstreams = upstreams.filter { _, upstream in
            upstream.live || partitions.contains { upstream.end(partition: $0) > starts[$0] ?? 0 }
        }
    }
}

/// What one commit adds to the ledger.
public struct LogStoreProgress: Sendable, Equatable {
    public let upstream: String
    public let state: LogStoreLedger.Upstream
    /// The time when the writer has caught up and starts to use the LogStore, in milliseconds since 1970; nil for all
    /// other commits (spec section 9.1).
    public let caughtUpAt: Int64?

    public init(upstream: String, state: LogStoreLedger.Upstream, caughtUpAt: Int64? = nil) {
        self.upstream = upstream
        self.state = state
        self.caughtUpAt = caughtUpAt
    }

    /// The table properties that tell other writers and readers about a catch-up.
    var catchUpProperties: [String: String] {
        caughtUpAt.map { ["log-store.catch-up": "true", "log-store.catch-up-timestamp": String($0)] } ?? [:]
    }

    static let watermarkGapProperty = "mixed-format.emit.auto-write-to-logstore.watermark-gap"
}
