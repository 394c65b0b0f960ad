import Bytes

/// The routes under which positions were recorded, for partitions that have not yet produced a row for the table.
///
/// A position says that every record before it was checked for the table. If none of these records went to the table,
/// this is only true for the route that was in effect: under another route, the same records may belong to the table.
/// Stored as the table property `weir.position-routes.<topology>` beside the positions:
/// `{"shop.public.orders":{"0":{"from":100,"route":"9f3a…"}}}`. Partitions that have produced rows have no entry. Their
/// positions are valid under every route, because it is unknown which of the earlier rows the table already contains.
public struct PositionRoutes: TopologyLedger {
    public struct Entry: Sendable, Hashable, Codable {
        /// A text for everything that decides which records go to the table. It is only compared for equality.
        public let route: String
        /// The offset the topology started the partition at; nil if it was the partition's beginning.
        public let from: Int64?

        public init(route: String, from: Int64?) {
            self.route = route
            self.from = from
        }
    }

    public private(set) var entries: [TopicPartition: Entry]

    public init(_ entries: [TopicPartition: Entry]) { self.entries = entries }
    public init() { entries = [:] }

    public static func propertyName(topology: String) -> String { "weir.position-routes.\(topology)" }

    public var isEmpty: Bool { entries.isEmpty }

    public subscript(partition: TopicPartition) -> Entry? {
        get { entries[partition] }
        set { entries[partition] = newValue }
    }

    /// The positions that were recorded for another route.
    public func stale(for route: String) -> [TopicPartition: Entry] { entries.filter { $0.value.route != route } }

    /// Updates the entries for a commit.
    ///
    /// - Parameters:
    ///   - positions: the positions that are committed.
    ///   - known: the positions before the commit.
    ///   - note: which partitions have produced rows for the table.
    public mutating func record(_ positions: PositionLedger, after known: PositionLedger, _ note: Note) {
        for (partition, next) in positions.positions {
            if note.taken.contains(partition) {
                entries[partition] = nil
            } else if known.next(partition) == nil {
                entries[partition] = Entry(route: note.route, from: note.isStart ? next : nil)
            }
        }
    }

    /// The state of a table's sources at a commit.
    public struct Note: Sendable {
        public let route: String
        /// The partitions that have produced rows.
        public let taken: Set<TopicPartition>
        /// True if nothing was read yet: the positions are the topology's start offsets.
        public let isStart: Bool

        public init(route: String, taken: Set<TopicPartition>, isStart: Bool) {
            self.route = route
            self.taken = taken
            self.isStart = isStart
        }
    }

    public var json: String { LedgerJSON.text(texts) }

    public init(json: String) throws(WeirError) {
        try self.init(
            texts: LedgerJSON.value(json, "the routes of positions are not of the form {topic: {partition: route}}")
        )
    }

    /// The entries with partitions as strings, which JSON keys have to be.
    public var texts: [String: [String: Entry]] { PartitionTexts.texts(entries) }

    public init(texts: [String: [String: Entry]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a list of routes"))
    }
}
