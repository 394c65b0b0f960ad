import Bytes
import Foundation

/// For which route the positions hold of partitions that have never brought a table a row.
///
/// A position says that everything before it was looked at for the table. Where none of that was for it, this holds for the
/// route it was looked at with; with another one, the same records may be its own. Stored as the table property
/// `weir.position-routes.<topology>` beside the positions: `{"shop.public.orders":{"0":{"from":100,"route":"9f3a…"}}}`. A
/// partition that has brought rows is not named: its position holds whatever the route, since nobody can tell which of
/// the earlier rows are in the table already.
public struct PositionRoutes: Sendable, Equatable {
    public struct Entry: Sendable, Hashable, Codable {
        /// What decides which records come to the table; compared and nothing else.
        public let route: String
        /// Where the topology began with the partition, if that was not its beginning.
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

    /// Takes note of a commit.
    ///
    /// - Parameters:
    ///   - positions: what is committed.
    ///   - known: the positions before it.
    ///   - note: what is known of the table's rows.
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

    /// What a commit knows of the rows that have come to a table.
    public struct Note: Sendable {
        public let route: String
        /// The partitions that have brought rows, by topic.
        public let taken: [String: Set<Int>]
        /// Nothing was read yet: the positions are where the topology begins.
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
        // Strings and integers always have a form in JSON.
        let data = try? encoder.encode(texts)
        return String(decoding: data ?? Data("{}".utf8), as: UTF8.self)
    }

    public init(json: String) throws(WeirError) {
        guard let parsed = try? JSONDecoder().decode([String: [String: Entry]].self, from: Data(json.utf8)) else {
            throw WeirError(.corrupt, "the routes of positions are not of the form {topic: {partition: route}}")
        }
        try self.init(texts: parsed)
    }

    /// With partitions as text, as JSON has them.
    public var texts: [String: [String: Entry]] { PartitionTexts.texts(entries) }

    public init(texts: [String: [String: Entry]]) throws(WeirError) {
        self.init(try PartitionTexts.values(texts, "a list of routes"))
    }
}
