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
        return LedgerJSON.text(form)
    }

    /// Moves positions forward to at least those of another state, with the records right before them.
    mutating func merge(_ other: TopicState) {
        // If either has brought changes, there is no route entry: it is unknown which of them another route would bring
        // again.
        for partition in other.positions.positions.keys {
            let entry = other.routes[partition]
            if entry == nil || positions.next(partition) == nil { routes[partition] = entry }
        }
        positions.merge(other.positions)
        last.merge(other.last, of: other.positions)
    }

    /// Replaces positions with those of another state, forward or back, with the records right before them.
    mutating func replace(with other: TopicState) {
        for (partition, next) in other.positions.positions {
            positions.move(partition, to: next)
            last.remove(partition)
            routes[partition] = other.routes[partition]
        }
        last.merge(other.last, of: other.positions)
    }

    /// The state of one partition.
    func restricted(to partition: TopicPartition) -> TopicState {
        var part = TopicState()
        part.positions = positions.restricted(to: partition)
        part.last.merge(last, of: part.positions)
        part.routes[partition] = part.positions.isEmpty ? nil : routes[partition]
        return part
    }

    /// Forgets positions that were recorded for another route than the current one and have brought nothing. What the
    /// new route brings is read from the beginning of the log, or from where the topology started reading it.
    ///
    /// - Parameter keepsStart: whether a topic is read from where the topology started reading it.
    mutating func forget(notOf route: String, keepsStart: (_ topic: String) -> Bool) {
        for (partition, entry) in routes.stale(for: route) {
            if let from = entry.from, keepsStart(partition.topic) {
                positions.move(partition, to: from)
                routes[partition] = PositionRoutes.Entry(route: route, from: from)
            } else {
                positions.remove(partition)
                routes[partition] = nil
            }
            last.remove(partition)
        }
    }
}
