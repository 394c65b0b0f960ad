import Bytes
import Foundation

/// The routes under which positions were recorded, for partitions that have not yet produced a row for the table.
///
/// A position says that every record before it was checked for the table. If none of these records went to the table,
/// this is only true for the route that was in effect: under another route, the same records may belong to the table.
/// Stored as the table property `weir.position-routes.<topology>` beside the positions:
/// `{"shop.public.orders":{"0":{"from":100,"route":"9f3a…"}}}`. Partitions that have produced rows have no entry. Their
/// positions are valid under every route, because it is unknown which of the earlier rows the table already contains.
public struct PositionRoutes: Sendable, Equatable {
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

    public private(set) var entries: [String: [Int: Entry]]

    public init(_ entries: [String: [Int: Entry]] = [:]) { self.entries = entries }

    /// The property that holds a topology's routes.
    public static func propertyName(topology: String) -> String { "weir.position-routes.\(topology)" }

    public var isEmpty: Bool { entries.values.allSatisfy(\.isEmpty) }

    public subscript(topic: String, partition: Int) -> Entry? {
        get { entries[topic]?[partition] }
        set {
            entries[topic, default: [:]][partition] = newValue
            if entries[topic]?.isEmpty == true { entries[topic] = nil }
        }
    }

    /// The positions that were recorded for another route.
    public func stale(for route: String) -> [(topic: String, partition: Int, entry: Entry)] {
        entries.flatMap { topic, partitions in
            partitions.filter { $0.value.route != route }.map { (topic, $0.key, $0.value) }
        }
    }

    /// Updates the entries for a commit.
    ///
    /// - Parameters:
    ///   - positions: the positions that are committed.
    ///   - known: the positions before the commit.
    ///   - note: which partitions have produced rows for the table.
    public mutating func record(_ positions: PositionLedger, after known: PositionLedger, _ note: Note) {
        for (topic, partitions) in positions.positions {
            for (partition, next) in partitions {
                if note.taken[topic]?.contains(partition) == true {
                    self[topic, partition] = nil
                } else if known.next(topic: topic, partition: partition) == nil {
                    self[topic, partition] = Entry(route: note.route, from: note.isStart ? next : nil)
                }
            }
        }
    }

    /// The state of a table's sources at a commit.
    public struct Note: Sendable {
        public let route: String
        /// The partitions that have produced rows, by topic.
        public let taken: [String: Set<Int>]
        /// True if nothing was read yet: the positions are the topology's start offsets.
        public let isStart: Bool

        public init(route: String, taken: [String: Set<Int>], isStart: Bool) {
            self.route = route
            self.taken = taken
            self.isStart = isStart
        }
    }

    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and integers can always be encoded as JSON.
        let data = try? encoder.encode(texts)
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    public init(json: String) throws(WeirError) {
        guard let parsed = try? JSONDecoder().decode([String: [String: Entry]].self, from: Data(json.utf8)) else {
            throw WeirError(.corrupt, "the routes of positions are not of the form {topic: {partition: route}}")
        }
        try self.init(texts: parsed)
    }

    /// The entries with partitions as strings, which JSON keys have to be.
    public var texts: [String: [String: Entry]] { PartitionTexts.texts(entries) }

    public init(texts: [String: [String: Entry]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a list of routes"))
    }
}
