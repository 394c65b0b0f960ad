import Bytes
import ObjectStorage

/// The segment that appends go to. Used by one thread at a time: the one that opens the partition, then its flush thread.
final class ActiveSegment {
    let paths: SegmentPaths
    let file: any OpenFile
    /// Bytes of whole batches.
    private(set) var byteCount: Int64
    private(set) var index: IndexBuilder
    /// When its first record was appended, nil while it is empty.
    var startedAt: Int64?
    private let files: any FileSystem
    private var reservedTo: Int64
    private var indexedTo: Int64
    /// Entries that are in the files.
    private var offsetEntriesStored: Int
    private var timeEntriesStored: Int

    init(_ paths: SegmentPaths, _ file: any OpenFile, _ files: any FileSystem, content: SegmentContent) {
        self.paths = paths
        self.file = file
        self.files = files
        byteCount = content.byteCount
        index = content.index
        startedAt = content.firstTimestamp
        reservedTo = content.byteCount
        indexedTo = content.byteCount
        offsetEntriesStored = content.index.offsets.entries.count
        timeEntriesStored = content.index.times.entries.count
    }

    /// Reserves ahead of the writes, doubling with the segment, so that syncs seldom have to allocate.
    func reserve(_ count: Int, segmentBytes: Int) {
        guard byteCount + Int64(count) > reservedTo else { return }
        let ahead = min(max(reservedTo, 1 << 20), 32 << 20)
        let target = max(byteCount + Int64(count), min(reservedTo + ahead, Int64(segmentBytes)))
        file.reserve(target - reservedTo, at: reservedTo)
        reservedTo = target
    }

    /// Takes note of a batch that is in the file.
    func added(_ batch: EncodedRecordBatch, baseOffset: Int64) {
        index.add(
            lastOffset: baseOffset + Int64(batch.count) - 1,
            maxTimestamp: batch.maxTimestamp,
            byteCount: batch.byteCount,
            at: byteCount
        )
        byteCount += Int64(batch.byteCount)
    }

    /// Log bytes that may wait for their index entries. A sync commits the file system's journal with everything in it,
    /// so index files that are touched by every group make every sync slower.
    private static let indexLagBytes: Int64 = 8 << 20

    /// Brings the index files up to date when they are far behind.
    func storeIndexesIfLagging() {
        if byteCount - indexedTo >= Self.indexLagBytes { storeIndexes() }
    }

    /// Brings the index files up to date; they are not kept open, for a log may have many partitions. They are hints that opening rebuilds, so a full disk may leave them behind.
    private func storeIndexes() {
        indexedTo = byteCount
        do {
            if offsetEntriesStored < index.offsets.entries.count {
                let bytes = OffsetIndex.encode(
                    index.offsets.entries[offsetEntriesStored...],
                    baseOffset: paths.baseOffset
                )
                try files.open(paths.offsetIndex, .write)
                    .write(bytes, at: Int64(offsetEntriesStored * OffsetIndex.entryBytes))
                offsetEntriesStored = index.offsets.entries.count
            }
            if timeEntriesStored < index.times.entries.count {
                let bytes = TimeIndex.encode(index.times.entries[timeEntriesStored...], baseOffset: paths.baseOffset)
                try files.open(paths.timeIndex, .write)
                    .write(bytes, at: Int64(timeEntriesStored * TimeIndex.entryBytes))
                timeEntriesStored = index.times.entries.count
            }
        } catch {
            // The entries stay in memory and the next call writes them again.
        }
    }

    /// Gives back reserved space and completes the indexes; a segment that is only closed goes on when it is opened.
    func seal(isFinished: Bool) {
        if isFinished { index.finish() }
        storeIndexes()
        if reservedTo > byteCount {
            try? file.truncate(to: byteCount)
            reservedTo = byteCount
        }
    }
}
