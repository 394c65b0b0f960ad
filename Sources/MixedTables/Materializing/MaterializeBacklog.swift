import IcebergFormat
import IcebergTables

/// What base lacks of a table's changes.
public struct MaterializeBacklog: Sendable, Equatable {
    /// Commits of the change store, by data sequence number, oldest first.
    private(set) var commits: [Commit] = []
    /// The newest sequence of the change store.
    public private(set) var newestSequence: Int64 = 0

    struct Commit: Sendable, Equatable {
        let sequence: Int64
        var bytes: Int64
        /// Milliseconds since 1970; nil when its snapshot has expired.
        let time: Int64?
    }

    public init() {}

    init(commits: [Commit]) { self.commits = commits }

    init(_ pending: [FileScanTask], of table: MixedTable) {
        guard let change = table.change else { return }
        newestSequence = change.metadata.currentSnapshot?.sequenceNumber ?? 0
        if pending.isEmpty { return }
        var bytes: [Int64: Int64] = [:]
        for task in pending { bytes[task.dataSequenceNumber, default: 0] += task.file.fileSize }
        var times: [Int64: Int64] = [:]
        for snapshot in change.metadata.snapshots { times[snapshot.sequenceNumber] = snapshot.timestampMs }
        commits = bytes.sorted { $0.key < $1.key }.map { sequence, bytes in
            Commit(sequence: sequence, bytes: bytes, time: times[sequence])
        }
    }

    mutating func remove(upTo sequence: Int64) { commits.removeAll { $0.sequence <= sequence } }

    public var isEmpty: Bool { commits.isEmpty }
    /// Commits that are not in base.
    public var commitCount: Int { commits.count }
    public var bytes: Int64 { commits.reduce(0) { $0 + $1.bytes } }
    /// When the oldest of them was committed, milliseconds since 1970.
    public var oldest: Int64? { commits.lazy.compactMap(\.time).first }
}
