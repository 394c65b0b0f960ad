import Bytes
import IcebergFormat
import IcebergTables

/// How fast changes come into a table: when its newest commits were made, when their changes reached each stage before,
/// and when base had them. All times are milliseconds since 1970.
public struct Freshness: Sendable, Equatable {
    public struct Commit: Sendable, Equatable {
        public let committed: Int64
        /// Nil for commits of other writers.
        public let times: StageTimes?
        /// When base had it; nil if it does not, or if that is too long ago.
        public let inBase: Int64?

        public init(committed: Int64, times: StageTimes?, inBase: Int64?) {
            self.committed = committed
            self.times = times
            self.inBase = inBase
        }
    }

    /// What base lacks.
    public struct Backlog: Sendable, Equatable {
        public let commits: Int
        /// When the oldest of them was made.
        public let oldest: Int64?

        public init(commits: Int, oldest: Int64?) {
            self.commits = commits
            self.oldest = oldest
        }
    }

    /// The newest commits, oldest first.
    public let commits: [Commit]
    /// Nil for a table without a change store.
    public let backlog: Backlog?

    public init(commits: [Commit], backlog: Backlog?) {
        self.commits = commits
        self.backlog = backlog
    }

    /// - Parameters:
    ///   - commitsMax: how many commits are looked at.
    ///   - baseCommitsMax: how many commits of base are looked at, each with a small file.
    public init(_ table: MixedTable, commitsMax: Int = 20, baseCommitsMax: Int = 50) throws(WeirError) {
        let newest = table.ingestStore.metadata.mainAncestors.prefix(commitsMax).reversed()
        guard let change = table.change else {
            backlog = nil
            commits = newest.map { Commit(committed: $0.timestampMs, times: $0.stageTimes, inBase: $0.timestampMs) }
            return
        }
        let optimized = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
        var pending: [FileScanTask] = []
        if change.metadata.currentSnapshot != nil {
            // With partitions, each has a sequence of its own.
            let above = table.base.spec.fields.isEmpty ? optimized.sequence(ofPartition: []) : 0
            pending = try change.plan(sequencesAbove: above).filter {
                $0.dataSequenceNumber > optimized.sequence(ofPartition: $0.file.partition)
            }
        }
        let missing = MaterializeBacklog(pending, of: table)
        backlog = Backlog(commits: missing.commitCount, oldest: missing.oldest)
        let absent = Set(missing.commits.map(\.sequence))
        let moves = try BaseMoves(table.base, commitsMax: baseCommitsMax)
        commits = newest.map { snapshot in
            let sequence = snapshot.sequenceNumber
            return Commit(
                committed: snapshot.timestampMs,
                times: snapshot.stageTimes,
                inBase: absent.contains(sequence) ? nil : moves.time(of: sequence)
            )
        }
    }

    /// When the last commits of base moved which changes into it.
    private struct BaseMoves {
        /// The newest change that base had before the others.
        private var floor: Int64 = 0
        /// Oldest first.
        private var moves: [(sequence: Int64, time: Int64)] = []

        init(_ base: Table, commitsMax: Int) throws(WeirError) {
            let commits = base.metadata.mainAncestors
            for snapshot in commits.prefix(commitsMax).reversed() where OptimizedSequence.isRecorded(snapshot) {
                let map = try OptimizedSequence.read(base, snapshotId: snapshot.id)
                moves.append((map.sequences.values.max() ?? 0, snapshot.timestampMs))
            }
            // Part of the changes of the oldest one may have come before it.
            guard commits.count > commitsMax || base.metadata.isHistoryCut, let first = moves.first else { return }
            floor = first.sequence
            moves.removeFirst()
        }

        func time(of sequence: Int64) -> Int64? {
            sequence > floor ? moves.first { $0.sequence >= sequence }?.time : nil
        }
    }
}

extension Snapshot {
    fileprivate var stageTimes: StageTimes? { summary[StageTimes.summaryKey].flatMap { StageTimes($0) } }
}
