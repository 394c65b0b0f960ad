import Bytes
import Foundation

/// What a table's commits say of its LogStore: how far each writer's records are in the change store as well.
///
/// Stored as the table property `weir.log-store.<topology>` by the commit that makes the rows visible:
/// `{"3f9a":{"epoch":5,"ends":{"0":120},"live":true,"partitions":["orders/0"]}}`. A reader of the table at that commit finds every record of the
/// upstream `3f9a` up to epoch 5 in the table, and all later ones at or behind the ends.
public struct LogStoreLedger: Sendable, Equatable {
    /// One writer's progress.
    public struct Upstream: Sendable, Equatable, Codable {
        /// The last epoch that is committed; 0 before the first.
        public var epoch: Int64
        /// For each partition of the LogStore: the records of later epochs begin here or behind it.
        public var ends: [String: Int64]
        /// False once the writer has ended; its later epochs, if there were any, are retracted.
        public var live: Bool
        /// The source partitions the writer has claimed; whoever claims one of them ends the writer.
        public var partitions: [String]

        public init(epoch: Int64, ends: [Int: Int64], live: Bool, partitions: [String] = []) {
            self.epoch = epoch
            self.ends = Dictionary(uniqueKeysWithValues: ends.map { (String($0.key), $0.value) })
            self.live = live
            self.partitions = partitions
        }

        /// The end in one partition of the LogStore; 0 where none is known.
        public func end(partition: Int) -> Int64 { ends[String(partition)] ?? 0 }
    }

    public var upstreams: [String: Upstream]

    public init(_ upstreams: [String: Upstream] = [:]) { self.upstreams = upstreams }

    public static let propertyPrefix = "weir.log-store."

    /// The property that holds a topology's ledger.
    public static func propertyName(topology: String) -> String { propertyPrefix + topology }

    public init(json: String) throws(WeirError) {
        guard let parsed = try? JSONDecoder().decode([String: Upstream].self, from: Data(json.utf8)) else {
            throw WeirError(.corrupt, "a LogStore ledger is not of the form {upstream: {epoch, ends, live}}")
        }
        upstreams = parsed
    }

    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Plain numbers, texts and truth values always encode.
        return (try? encoder.encode(upstreams)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// Where a reader of the table begins in a partition of the LogStore: in front of everything the table lacks.
    public func start(partition: Int) -> Int64 {
        let live = upstreams.values.filter(\.live).map { $0.end(partition: partition) }
        let ended = upstreams.values.filter { !$0.live }.map { $0.end(partition: partition) }
        return live.min() ?? ended.max() ?? 0
    }

    /// Forgets ended writers of which a reader of the table can meet no record any more.
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
    /// When the writer has caught up and begins with the LogStore, in milliseconds since 1970; nil at any other commit
    /// (spec section 9.1).
    public let caughtUpAt: Int64?

    public init(upstream: String, state: LogStoreLedger.Upstream, caughtUpAt: Int64? = nil) {
        self.upstream = upstream
        self.state = state
        self.caughtUpAt = caughtUpAt
    }

    /// The table properties by which other writers and readers learn of a catch-up.
    var catchUpProperties: [String: String] {
        caughtUpAt.map { ["log-store.catch-up": "true", "log-store.catch-up-timestamp": String($0)] } ?? [:]
    }

    static let watermarkGapProperty = "mixed-format.emit.auto-write-to-logstore.watermark-gap"
}
