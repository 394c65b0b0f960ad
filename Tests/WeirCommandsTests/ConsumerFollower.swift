import Foundation
import IcebergFormat
import Testing

/// A reader of changes with markers that is killed and started again, as a program that acts on them sees it.
final class ConsumerFollower {
    /// What was given of a commit, less what was taken back.
    struct Commit: Equatable {
        var changes: [Change] = []
        /// The number of changes as the marker has it.
        var marked: Int64?

        mutating func apply(_ change: Change) {
            if let last = changes.last, last.row == change.row, last.isNew, !change.isNew {
                changes.removeLast()
            } else if let last = changes.last, last.row == change.row, !last.isNew, change.isNew {
                changes.removeLast()
            } else {
                changes.append(change)
            }
        }
    }

    struct Change: Equatable {
        let id: Int64
        let row: String
        let isNew: Bool
    }

    /// The rows after each commit.
    var states: [Int64: [Int64: String]] {
        var state: [Int64: String] = [:]
        var states: [Int64: [Int64: String]] = [:]
        for (number, commit) in commits.sorted(by: { $0.key < $1.key }) {
            for change in commit.changes { state[change.id] = change.isNew ? change.row : nil }
            states[number] = state
        }
        return states
    }

    private let weir: WeirBinary
    /// Nil for a program that keeps its own place.
    private let consumer: String?
    private var running: WeirBinary.Running?
    /// The last commit that is final, and how many changes of the next one are.
    private(set) var place: (commit: Int64, changes: Int) = (0, 0)
    private(set) var commits: [Int64: Commit] = [:]
    private var open = Commit()
    private(set) var starts = 0
    /// Changes that were given ahead of their commit.
    private(set) var ahead = 0

    init(_ weir: WeirBinary, consumer: String?) {
        self.weir = weir
        self.consumer = consumer
    }

    func start(follows: Bool = true) throws {
        var arguments = ["read", "shop.people", "--markers"] + (follows ? ["--follow"] : [])
        if let consumer {
            arguments += ["--consumer", consumer] + (starts == 0 ? ["--from", "earliest"] : [])
        } else {
            arguments += ["--from", "seq:\(place.commit)" + (place.changes > 0 ? "+\(place.changes)" : "")]
        }
        starts += 1
        running = try weir.start(arguments)
    }

    /// Whether the running reader has printed the end of a commit.
    func hasReached(_ commit: Int64) -> Bool { running?.output.contains("{\"commit\":\(commit),") ?? false }

    var errors: String { running?.errors ?? "" }

    /// Ends the reader with a signal, or waits for its end.
    func end(_ signal: Int32?) throws {
        guard let running else { return }
        if let signal { running.signal(signal) }
        let result = running.finish(seconds: 60)
        self.running = nil
        if signal != SIGKILL { #expect(result.status == 0, "\(result.errors)") }
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        try take(lines.map(String.init), upTo: consumer == nil ? nil : stored())
    }

    /// The place that the table has.
    private func stored() throws -> (commit: Int64, changes: Int) {
        let listed = try weir("consumer", "ls", "shop.people", "-o", "json")
        // It was killed before it was there.
        guard let line = listed.lines.first else {
            starts = 0
            return (0, 0)
        }
        let text = try #require(JSONValue.parse(line).asObject).string("position")
        let parts = text.split(separator: "+")
        return (try #require(Int64(parts[0])), parts.count > 1 ? try #require(Int(parts[1])) : 0)
    }

    /// Makes final what comes up to a place; nil for the last marker.
    private func take(_ lines: [String], upTo end: (commit: Int64, changes: Int)?) throws {
        let objects = try lines.map { line in try #require(JSONValue.parse(line).asObject, "\(line)") }
        let last = objects.last { $0["commit"] != nil }.map { $0["commit"]?.asInteger ?? 0 }
        let end = end ?? (max(place.commit, last ?? 0), last == nil ? place.changes : 0)
        var current = place
        for object in objects {
            if current.commit == end.commit, current.changes == end.changes { break }
            if let number = object["commit"]?.asInteger {
                #expect(number > current.commit)
                open.marked = try object.long("changes")
                commits[number] = open
                open = Commit()
                current = (number, 0)
            } else {
                let row = try #require(object["row"]?.asObject)
                if object["seq"] == .null { ahead += 1 }
                open.apply(
                    Change(
                        id: try row.long("id"),
                        row: JSONValue.object(row).text,
                        isNew: try object.string("op").hasPrefix("+")
                    )
                )
                current.changes += 1
            }
        }
        #expect(current == end, "the place \(end) is behind what was printed, \(current)")
        place = end
        // A program forgets what is not final.
        if end.changes == 0 { open = Commit() }
    }
}
