import Bytes
import IcebergFormat
import IcebergTables

/// The position of a change reader: after a commit of the store that changes are read from.
///
/// The snapshot identifies the commit. The sequence number is what rows are labelled with, and some readers know only
/// that.
public struct ChangePosition: Sendable, Equatable {
    /// Nil at the beginning, and where only the sequence is known.
    public let snapshotId: Int64?
    public let sequence: Int64

    public static let beginning = ChangePosition(snapshotId: nil, sequence: 0)

    public init(behind snapshot: Snapshot?) {
        self.init(snapshotId: snapshot?.id, sequence: snapshot?.sequenceNumber ?? 0)
    }

    public init(sequence: Int64) { self.init(snapshotId: nil, sequence: sequence) }

    public init(snapshotId: Int64?, sequence: Int64) {
        self.snapshotId = snapshotId
        self.sequence = sequence
    }
}

extension MixedTable {
    /// The position after the newest commit.
    public var newestChange: ChangePosition { ChangePosition(behind: ingestStore.currentSnapshot) }

    /// The commits after a position. Fails with `notFound` when the position is not in the table's history.
    func commits(since start: ChangePosition) throws(WeirError) -> SnapshotHistory {
        let metadata = ingestStore.metadata
        let history =
            start.snapshotId.map { metadata.history(since: $0, sequence: start.sequence) }
            ?? metadata.history(aboveSequence: start.sequence)
        guard history.beginning == .elsewhere else { return history }
        throw WeirError(
            .notFound,
            "what was read up to is no part of the history of \(identifier): the table was rolled back "
                + "behind it, or it is of another branch",
            at: start.snapshotId.map { "snapshot \($0)" } ?? "sequence \(start.sequence)",
            advice: "read 'full' and go on from there"
        )
    }
}

/// The earliest position from which changes can be read, and the rows to start with.
public struct EarliestChanges: Sendable {
    /// The state before the changes; nil when only changes are read.
    public let state: ReadPoint?
    public let position: ChangePosition
    /// Describes what is missing; nil when nothing is.
    public let notice: String?

    /// For an unkeyed table, the state at its oldest snapshot replaces the expired history. For a keyed table, all
    /// remaining change files are read.
    public init(of table: MixedTable) throws(WeirError) {
        let history = try table.commits(since: .beginning)
        if let change = table.change {
            state = nil
            position = .beginning
            notice = try MissingChanges(in: change, history, above: 0)?.notice
            return
        }
        guard case .expired(let oldest) = history.beginning, ExpiredCommits(table.base.metadata)?.unseenRewriteAt != 0
        else {
            (state, position, notice) = (nil, .beginning, nil)
            return
        }
        state = try ReadPoint(snapshot: oldest.id, of: table)
        position = ChangePosition(behind: oldest)
        notice =
            "the history of \(table.identifier) before snapshot \(oldest.id) has expired: it begins with the rows as of "
            + "that snapshot"
    }
}
