import IcebergFormat
import IcebergTables

/// What base lacks of a table's changes.
public struct MaterializeBacklog: Sendable, Equatable {
    /// Commits of the change store, by data sequence number, oldest first.
    private(set) var commits: [Commit] = []
    /// When the first commit was made that nobody has looked at since, milliseconds since 1970; nil for none.
    private var unseen: Int64?
    /// Whether the places of base's keys are being read, without which nothing can be moved.
    public internal(set) var isLoading = false

    struct Commit: Sendable, Equatable {
        let sequence: Int64
        /// Milliseconds since 1970; nil when its snapshot has expired.
        let time: Int64?
    }

    public init() {}

    init(commits: [Commit], isLoading: Bool = false) {
        self.commits = commits
        self.isLoading = isLoading
    }

    init(_ pending: [FileScanTask], of table: MixedTable) {
        guard let change = table.change else { return }
        if pending.isEmpty { return }
        var times: [Int64: Int64] = [:]
        for snapshot in change.metadata.snapshots { times[snapshot.sequenceNumber] = snapshot.timestampMs }
        let expired = ExpiredCommits(change.metadata)
        commits = Set(pending.map(\.dataSequenceNumber)).sorted().map { sequence in
            Commit(sequence: sequence, time: times[sequence] ?? expired?.time(before: sequence))
        }
    }

    mutating func remove(upTo sequence: Int64) { commits.removeAll { $0.sequence <= sequence } }

    /// Notes a commit that comes before the next look.
    public mutating func note(commitAt milliseconds: Int64) { unseen = unseen ?? milliseconds }

    public var isEmpty: Bool { commits.isEmpty && unseen == nil }
    /// Commits that are not in base, as of the last look.
    public var commitCount: Int { commits.count }
    /// When the oldest of them was committed, milliseconds since 1970.
    public var oldest: Int64? { commits.lazy.compactMap(\.time).first ?? unseen }
}
