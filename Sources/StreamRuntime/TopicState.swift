import Bytes
import ChangeEvents
import Foundation

/// What the transactions of a topic store beside its records.
///
/// `{"version":2,"positions":{…},"last":{…},"routes":{…},"earlier":{…},"writer":"…"}`; version 1 is a ledger alone.
public struct TopicState: Sendable, Equatable {
    var positions = PositionLedger()
    /// The source records right before the positions.
    var last = LastRecords()
    /// The routes for which positions are valid, for partitions that have brought the topic nothing.
    var routes = PositionRoutes()
    /// How many transactions of other ids the state includes, by id; nil when the state does not record it.
    var earlier: [String: Int64]?
    /// The name of the writer; nil when the state does not record it.
    var writer: String?

    private struct Form: Codable {
        var version = 2
        let positions: [String: [String: Int64]]
        let last: [String: [String: RecordMark]]?
        let routes: [String: [String: PositionRoutes.Entry]]?
        let earlier: [String: Int64]?
        let writer: String?
    }

    init() {}

    init(text: String) throws(WeirError) {
        guard let form = try? JSONDecoder().decode(Form.self, from: Data(text.utf8)), form.version == 2 else {
            positions = try PositionLedger(json: text)
            return
        }
        positions = try PositionLedger(texts: form.positions)
        last = try LastRecords(texts: form.last ?? [:])
        routes = try PositionRoutes(texts: form.routes ?? [:])
        earlier = form.earlier
        writer = form.writer
    }

    /// The writer of a state, which may be damaged; nil when the state does not name it.
    public static func writer(of text: String) -> String? { (try? TopicState(text: text))?.writer }

    /// - Parameters:
    ///   - withLast: whether to include the last records, which take most of the space.
    ///   - withRoutes: whether to include the routes.
    func text(withLast: Bool = true, withRoutes: Bool = true) -> String {
        let form = Form(
            positions: positions.texts,
            last: withLast && !last.isEmpty ? last.texts : nil,
            routes: withRoutes && !routes.isEmpty ? routes.texts : nil,
            earlier: earlier,
            writer: writer
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and integers can always be encoded as JSON.
        return String(decoding: (try? encoder.encode(form)) ?? Data(), as: UTF8.self)
    }

    /// Moves positions forward to at least those of another state, with the records right before them.
    mutating func merge(_ other: TopicState) {
        // If either has brought changes, there is no route entry: it is unknown which of them another route would bring
        // again.
        for (topic, partitions) in other.positions.positions {
            for partition in partitions.keys {
                let entry = other.routes[topic, partition]
                if entry == nil || positions.next(topic: topic, partition: partition) == nil {
                    routes[topic, partition] = entry
                }
            }
        }
        positions.merge(other.positions)
        last.merge(other.last, of: other.positions)
    }

    /// Replaces positions with those of another state, forward or back, with the records right before them.
    mutating func replace(with other: TopicState) {
        for (topic, partitions) in other.positions.positions {
            for (partition, next) in partitions {
                positions.move(topic: topic, partition: partition, to: next)
                last.remove(topic: topic, partition: partition)
                routes[topic, partition] = other.routes[topic, partition]
            }
        }
        last.merge(other.last, of: other.positions)
    }

    /// Only the positions that a ledger names.
    func restricted(to own: PositionLedger) -> TopicState {
        var part = TopicState()
        part.positions = positions.restricted(to: own)
        part.last.merge(last, of: part.positions)
        for (topic, partitions) in part.positions.positions {
            for partition in partitions.keys { part.routes[topic, partition] = routes[topic, partition] }
        }
        return part
    }

    /// Forgets positions that were recorded for another route than the current one and have brought nothing. What the
    /// new route brings is read from the beginning of the log, or from where the topology started reading it.
    ///
    /// - Parameter keepsStart: whether a topic is read from where the topology started reading it.
    mutating func forget(notOf route: String, keepsStart: (_ topic: String) -> Bool) {
        for (topic, partition, entry) in routes.stale(for: route) {
            if let from = entry.from, keepsStart(topic) {
                positions.move(topic: topic, partition: partition, to: from)
                routes[topic, partition] = PositionRoutes.Entry(route: route, from: from)
            } else {
                positions.remove(topic: topic, partition: partition)
                routes[topic, partition] = nil
            }
            last.remove(topic: topic, partition: partition)
        }
    }
}
