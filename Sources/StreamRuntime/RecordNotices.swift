import Bytes
import EventDecoders
import EventLog

/// Reports what a run finds in records: each notice once, and at most `noticesMax` of them.
final class RecordNotices {
    private let route: (String) -> [String]
    private let tell: (String) -> Void
    private var left = noticesMax

    private static let noticesMax = 500
    private static let namesMax = 20

    /// - Parameter route: the names of the tables that a source table is routed to.
    init(route: @escaping (String) -> [String], tell: @escaping (String) -> Void) {
        self.route = route
        self.tell = tell
    }

    func tell(unrouted identifiers: Set<String>, in raw: RawBatch) {
        if identifiers.isEmpty { return }
        say(
            "no route matches \(Self.list(identifiers.sorted())), whose records are in topic '\(raw.topic)': they are "
                + "left out"
        )
    }

    func tell(_ notices: [DecoderNotice], in raw: RawBatch) {
        for text in Self.texts(notices, in: raw, route: route) { say(text) }
    }

    private func say(_ text: String) {
        guard left > 0 else { return }
        left -= 1
        tell(text)
        if left == 0 { tell("\(Self.noticesMax) things about records are told; further ones are not") }
    }

    static func list(_ names: [String]) -> String {
        let more = names.count - namesMax
        return names.prefix(namesMax).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    /// The texts of one batch's notices, one line each. The extra columns of a source table share one line.
    static func texts(_ notices: [DecoderNotice], in raw: RawBatch, route: (String) -> [String]) -> [String] {
        var extra: [(table: String, columns: [String])] = []
        var shadowed: Set<String> = []
        for case .shadowedCase(let source, _, let column) in notices {
            shadowed.insert("\(source.identifier).\(column)")
        }
        var texts: [String] = []
        for notice in notices {
            switch notice {
            case .extraColumn(let source, let name):
                if let index = extra.firstIndex(where: { $0.table == source.identifier }) {
                    extra[index].columns.append(name)
                } else {
                    extra.append((source.identifier, [name]))
                }
            case .otherCase(let source, _, let column) where shadowed.contains("\(source.identifier).\(column)"): break
            case .derivedUnit, .earlyTimes, .otherCase, .shadowedCase, .truncated: texts.append(text(notice, in: raw))
            }
        }
        for (table, columns) in extra {
            let (word, verb) = columns.count == 1 ? ("column", "is") : ("columns", "are")
            let tables = route(table).joined(separator: ", ")
            let what = "\(word) \(list(columns)) of \(table) \(verb) left out"
            texts.append("\(what): no table that takes its records (\(tables)) has such")
        }
        return texts
    }

    private static func text(_ notice: DecoderNotice, in raw: RawBatch) -> String {
        switch notice {
        case .derivedUnit(let column, let unit, let value):
            let time = column.isTimeOfDay ? "" : " (\(UnitDoubt.time(value, unit)))"
            return
                "column \(column.name) of \(column.source.identifier) counts \(unit), as \(value)\(time) tells: its records "
                + "do not say it; that is kept with the tables, and the source's \(column.option): \(unit) settles it"
        case .otherCase(let source, let name, let column):
            return
                "column \(name) of \(source.identifier) is taken for '\(column)', from which it differs in case alone"
        case .shadowedCase(let source, let name, let column):
            return
                "column \(name) of \(source.identifier) is taken for '\(column)' only in records that have no '\(column)'"
        case .earlyTimes(let column, let unit, let larger, let value, let offset):
            let location = "topic \(raw.topic), partition \(raw.partition), offset \(offset)"
            return
                "column \(column.name) of \(column.source.identifier) is read as \(unit), as the source says, but "
                + "\(UnitDoubt.early(value, unit, larger)) (\(location)); check the source's \(column.option)"
        case .truncated(let source, let offset):
            return
                "\(source.identifier) was truncated (topic \(raw.topic), partition \(raw.partition), offset \(offset)); "
                + "that is not applied: tables keep the rows they have"
        case .extraColumn(let source, let name): return "column \(name) of \(source.identifier) is left out"
        }
    }
}
