import ArgumentParser
import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables

/// Where reading of changes begins.
enum ReadStart: Equatable, Sendable {
    /// The oldest change that is kept.
    case earliest
    /// Behind the newest change.
    case latest
    /// The rows as they are now, then what changes.
    case full
    /// The changes behind a snapshot.
    case snapshot(Int64)
    /// The commits that are not older, milliseconds since 1970.
    case timestamp(Int64)

    static let forms = "earliest, latest, full, snapshot:ID or timestamp:TIME"

    init(_ text: String) throws(WeirError) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first?.lowercased(), parts.count) {
        case ("earliest", 1): self = .earliest
        case ("latest", 1): self = .latest
        case ("full", 1): self = .full
        case ("snapshot", 2):
            guard let id = Int64(parts[1]) else {
                throw WeirError(.invalid, "'\(parts[1])' is no snapshot id", advice: "write snapshot:ID")
            }
            self = .snapshot(id)
        case ("timestamp", 2): self = .timestamp(try TimeText.parse(parts[1]))
        default: throw WeirError(.invalid, "cannot read from '\(text)'", advice: "use \(Self.forms)")
        }
    }

    /// Changes above this sequence are wanted.
    func sequence(in table: MixedTable) throws(WeirError) -> Int64 {
        switch self {
        case .earliest: return 0
        case .latest, .full: return table.latestSequence
        case .snapshot(let id):
            let store = table.ingestStore
            if let snapshot = store.metadata.snapshot(id: id) { return snapshot.sequenceNumber }
            if table.isKeyed, table.base.metadata.snapshot(id: id) != nil {
                throw WeirError(
                    .invalid,
                    "snapshot \(id) of \(table.identifier) belongs to the base store, which has no changes",
                    advice: "name a snapshot whose store is 'change' in 'weir table snapshots \(table.identifier)'"
                )
            }
            throw WeirError(
                .notFound,
                "table \(table.identifier) has no snapshot \(id)",
                advice: "'weir table snapshots \(table.identifier)' lists those it has"
            )
        case .timestamp(let time):
            let older = table.ingestStore.metadata.snapshots.filter { $0.timestampMs < time }
            return older.map(\.sequenceNumber).max() ?? 0
        }
    }
}

extension MixedTable {
    /// The sequence of the newest commit that changes are read from; 0 before the first.
    var latestSequence: Int64 { ingestStore.metadata.currentSnapshot?.sequenceNumber ?? 0 }
}
