import IcebergFormat
import IcebergTables

/// When the commits of a table were made, as far as its snapshots and what is remembered of expired ones tell.
struct CommitTimes {
    /// By sequence number, ascending.
    private let known: [(sequence: Int64, timestampMs: Int64)]

    init(_ metadata: TableMetadata) {
        let expired = ExpiredCommits(metadata)?.times.map { ($0.sequence, $0.timestampMs) } ?? []
        let line = metadata.mainAncestors.map { ($0.sequenceNumber, $0.timestampMs) }
        known = (expired + line).sorted { $0.0 < $1.0 }
    }

    /// The latest time at which a commit can have been made: that of the next one that is known, since commits are made
    /// one after the other. Nil if there is none.
    func latest(ofSequence sequence: Int64) -> Int64? {
        var (first, end) = (0, known.count)
        while first < end {
            let middle = (first + end) / 2
            if known[middle].sequence < sequence { first = middle + 1 } else { end = middle }
        }
        return first < known.count ? known[first].timestampMs : nil
    }
}
