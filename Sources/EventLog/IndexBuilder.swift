/// Decides which batches get index entries: one whenever more than `intervalBytes` have been written since the last
/// entry.
struct IndexBuilder {
    let intervalBytes: Int
    private(set) var offsets = OffsetIndex()
    private(set) var times = TimeIndex()
    /// The newest record so far, and the last offset of the batch that holds it; nil before the first batch.
    private(set) var newest: TimeIndex.Entry?
    private var bytesSinceEntry = 0

    init(intervalBytes: Int) { self.intervalBytes = intervalBytes }

    /// Adds a batch. Batches are added in order.
    mutating func add(_ header: RecordBatchHeader, at position: Int64) {
        add(
            lastOffset: header.lastOffset,
            maxTimestamp: header.maxTimestamp,
            byteCount: header.totalCount,
            at: position
        )
    }

    mutating func add(lastOffset: Int64, maxTimestamp: Int64, byteCount: Int, at position: Int64) {
        if maxTimestamp > newest?.timestamp ?? .min {
            newest = TimeIndex.Entry(timestamp: maxTimestamp, offset: lastOffset)
        }
        if bytesSinceEntry > intervalBytes {
            offsets.entries.append(OffsetIndex.Entry(offset: lastOffset, position: position))
            addTime()
            bytesSinceEntry = 0
        }
        bytesSinceEntry += byteCount
    }

    /// Adds the time entry for the newest record when the segment is closed.
    mutating func finish() { addTime() }

    private mutating func addTime() {
        guard let newest, newest.timestamp > times.entries.last?.timestamp ?? .min else { return }
        times.entries.append(newest)
    }
}
