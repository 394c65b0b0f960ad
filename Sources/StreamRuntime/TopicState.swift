import Bytes
import ChangeEvents
import Foundation

/// What the transactions of a topic store beside its records.
///
/// `{"version":2,"positions":{…},"last":{…},"routes":{…},"earlier":{…},"writer":"…"}`; a ledger alone in the first version.
public struct TopicState: Sendable, Equatable {
    var positions = PositionLedger()
    /// The source records right in front of the positions.
    var last = LastRecords()
    /// For which routes the positions hold, where they have brought the topic nothing.
    var routes = PositionRoutes()
    /// How many transactions of other ids it takes into account, by id; nil of a state that does not say so.
    var earlier: [String: Int64]?
    /// What wrote it is known by; nil of a state that does not say so.
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

    /// Who wrote a state that may be damaged; nil when it does not say so.
    public static func writer(of text: String) -> String? { (try? TopicState(text: text))?.writer }

    /// - Parameters:
    ///   - withLast: whether the last records are part of it, which need most of the room.
    ///   - withRoutes: whether the routes are.
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
        // Strings and integers always have a form in JSON.
        return String(decoding: (try? encoder.encode(form)) ?? Data(), as: UTF8.self)
    }

    /// Moves positions forward to at least those of another state, with the records in front of them.
    mutating func merge(_ other: TopicState) {
        // Where either has brought something, nobody can tell what of it another route would bring again.
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

    /// Takes over the positions of another state wherever they are, with the records in front of them.
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

    /// Forgets positions that were recorded for another route than the one of now, as far as they have brought nothing:
    /// what comes by the new one is read from the beginning of the log, or from where the topology began.
    ///
    /// - Parameter keepsStart: whether a topic is read from where the topology began.
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
