import Bytes
import IcebergFormat
import IcebergTables

/// Where a reader of changes stands: behind a commit of the store that changes are read from.
///
/// The snapshot decides; sequence numbers are what rows are shown with, and all that some readers know.
public struct ChangePosition: Sendable, Equatable {
    /// Nil at the beginning, and where only the sequence is known.
    public let snapshotId: Int64?
    public let sequence: Int64

    public static let beginning = ChangePosition(snapshotId: nil, sequence: 0)

    public init(behind snapshot: Snapshot?) {
        self.init(snapshotId: snapshot?.id, sequence: snapshot?.sequenceNumber ?? 0)
    }

    public init(sequence: Int64) { self.init(snapshotId: nil, sequence: sequence) }

    private init(snapshotId: Int64?, sequence: Int64) {
        self.snapshotId = snapshotId
        self.sequence = sequence
    }
}

extension MixedTable {
    /// Behind the newest commit.
    public var newestChange: ChangePosition { ChangePosition(behind: ingestStore.currentSnapshot) }

    /// The commits behind a position. Fails when the table's history does not lead there any more.
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

/// Where changes begin that are all there, and what was there before.
public struct EarliestChanges: Sendable {
    /// Rows to begin with: the state before the changes. Nil when the changes tell all of it.
    public let state: ReadPoint?
    public let position: ChangePosition
    /// What is missing, in words; nil when nothing is.
    public let notice: String?

    /// The state of an unkeyed table's oldest snapshot stands for the history that has expired. Of a keyed table all change
    /// files that are still there are read.
    public init(of table: MixedTable) throws(WeirError) {
        let history = try table.commits(since: .beginning)
        if let change = table.change {
            state = nil
            position = .beginning
            notice = try MissingChanges(in: change, history, above: 0)?.notice
            return
        }
        guard case .expired(let oldest) = history.beginning else {
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
