import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables

/// The `--from` option: where a reader of changes begins.
enum ReadStart: Equatable, Sendable {
    /// The oldest change that still exists.
    case earliest
    /// After the newest change.
    case latest
    /// The current rows, then all later changes.
    case full
    /// The changes after a snapshot, by its id or the name of a branch or tag.
    case snapshot(String)
    /// The commits at or after this time, in milliseconds since 1970.
    case timestamp(Int64)
    /// The changes after the commit with this number, without the first `skip` of them.
    case sequence(Int64, skip: Int64)

    static let forms = "earliest, latest, full, snapshot:ID, snapshot:NAME, timestamp:TIME, seq:N or seq:N+K"

    init(_ text: String) throws(WeirError) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first?.lowercased(), parts.count) {
        case ("earliest", 1): self = .earliest
        case ("latest", 1): self = .latest
        case ("full", 1): self = .full
        case ("snapshot", 2): self = .snapshot(parts[1])
        case ("timestamp", 2): self = .timestamp(try TimeText.parse(parts[1]))
        case ("seq", 2): self = try Self.sequence(parts[1], text)
        default: throw WeirError(.invalid, "cannot read from '\(text)'", advice: "use \(Self.forms)")
        }
    }

    private static func sequence(_ numbers: String, _ text: String) throws(WeirError) -> ReadStart {
        let parts = numbers.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
        guard isPlain, let number = Int64(parts[0]), let skip = parts.count > 1 ? Int64(parts[1]) : 0 else {
            throw WeirError(
                .invalid,
                "cannot read from '\(text)'",
                advice: "write seq:N with the number of the last commit that was read, or seq:N+K if K changes of the "
                    + "next one were read too"
            )
        }
        return .sequence(number, skip: skip)
    }

    /// Resolves the start in a table: the position, and the state to print before the changes.
    func resolve(in table: MixedTable) throws(WeirError) -> ReadBeginning {
        let store = table.ingestStore
        switch self {
        case .earliest:
            let earliest = try EarliestChanges(of: table)
            return ReadBeginning(
                rows: earliest.state,
                position: earliest.position,
                notice: earliest.notice,
                takesWhatIsThere: true
            )
        case .latest: return ReadBeginning(position: table.newestChange)
        case .full: return ReadBeginning(rows: ReadPoint(current: table), position: table.newestChange)
        case .snapshot(let name):
            if let snapshot = SnapshotName.snapshot(name, in: store) {
                return ReadBeginning(position: ChangePosition(behind: snapshot))
            }
            if table.isKeyed, SnapshotName.snapshot(name, in: table.base) != nil {
                throw WeirError(
                    .invalid,
                    "snapshot \(name) of \(table.identifier) belongs to the base store, which has no changes",
                    advice: "name a snapshot whose store is 'change' in 'weir table snapshots \(table.identifier)'"
                )
            }
            throw SnapshotName.missing(name, in: table)
        case .timestamp(let time):
            if let older = store.metadata.lastSnapshot(before: time) {
                return ReadBeginning(position: ChangePosition(behind: older))
            }
            if let expired = ExpiredCommits(store.metadata) {
                // Of expired commits only some times are remembered: it begins a little earlier.
                if let older = expired.last(before: time) {
                    return ReadBeginning(position: ChangePosition(sequence: older.sequence))
                }
                if expired.removedUpTo == 0 { return ReadBeginning(position: .beginning) }
            }
            guard !store.metadata.isHistoryCut else {
                throw WeirError(
                    .notFound,
                    "the commits of \(table.identifier) around that time have expired",
                    at: store.metadata.mainAncestors.last.map {
                        "the oldest left is of \(TimeText.text($0.timestampMs))"
                    },
                    advice: "'--from earliest' begins with what is left"
                )
            }
            return ReadBeginning(position: .beginning)
        case .sequence(let number, let skip):
            try table.checkNumbered("'seq:\(number)'")
            return ReadBeginning(position: try Self.position(number, in: table), skip: ChangeSkip(count: skip))
        }
    }

    private static func position(_ number: Int64, in table: MixedTable) throws(WeirError) -> ChangePosition {
        if number == 0 { return .beginning }
        let metadata = table.ingestStore.metadata
        switch metadata.commit(ofSequence: number) {
        case .main(let snapshot): return ChangePosition(behind: snapshot)
        case .expired: return ChangePosition(sequence: number)
        case .elsewhere:
            throw WeirError(
                .notFound,
                "commit \(number) is no part of the history of \(table.identifier): it was rolled back, or is of "
                    + "another branch",
                advice: "whoever has read it has changes that are gone; read 'full' and go on from there"
            )
        case .toCome:
            let newest = metadata.currentSnapshot.map { "its newest is \($0.sequenceNumber)" } ?? "it has none yet"
            throw WeirError(
                .notFound,
                "\(table.identifier) has no commit \(number) yet: \(newest)",
                advice: "is it the number of a commit of another table?"
            )
        }
    }
}

/// A resolved start of a reader of changes.
struct ReadBeginning {
    /// The state to print before the changes, if any.
    var rows: ReadPoint?
    let position: ChangePosition
    /// A message about changes that are missing.
    var notice: String?
    /// Whether to read the remaining changes if others no longer exist, instead of failing.
    var takesWhatIsThere = false
    /// Changes behind the position that were read already.
    var skip = ChangeSkip.none

    /// The same as a place to go on from.
    func place(in table: MixedTable) throws(WeirError) -> ConsumerPlace {
        let rows = try rows.map { (point) throws(WeirError) in try ConsumerPlace.Rows(point, of: table) }
        return ConsumerPlace(position, skip: skip, rows: rows)
    }
}
