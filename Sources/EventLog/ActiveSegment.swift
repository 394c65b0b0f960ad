import Bytes
import ObjectStorage

/// The segment that appends go to. Used by one thread at a time: the one that opens the partition, then its flush thread.
final class ActiveSegment {
    let paths: SegmentPaths
    let file: any OpenFile
    /// Bytes of whole batches.
    private(set) var byteCount: Int64
    private(set) var index: IndexBuilder
    /// When the first record was appended; nil while the segment is empty.
    var startedAt: Int64?
    private let files: any FileSystem
    private var reservedTo: Int64
    private var indexedTo: Int64
    /// Index entries already written to the index files.
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

    /// Preallocates file space ahead of the writes, doubling with the segment size, so that syncs seldom allocate
    /// blocks.
    func reserve(_ count: Int, segmentBytes: Int) {
        guard byteCount + Int64(count) > reservedTo else { return }
        let ahead = min(max(reservedTo, 1 << 20), 32 << 20)
        let target = max(byteCount + Int64(count), min(reservedTo + ahead, Int64(segmentBytes)))
        file.reserve(target - reservedTo, at: reservedTo)
        reservedTo = target
    }

    /// Records a batch that has been written to the file.
    func added(_ batch: EncodedRecordBatch, baseOffset: Int64) {
        index.add(
            lastOffset: baseOffset + Int64(batch.count) - 1,
            maxTimestamp: batch.maxTimestamp,
            byteCount: batch.byteCount,
            at: byteCount
        )
        byteCount += Int64(batch.byteCount)
    }

    /// How many log bytes the index files may lag behind. A sync commits the whole file system journal, so writing the
    /// index files with every group would slow down every sync.
    private static let indexLagBytes: Int64 = 8 << 20

    /// Writes the index files if they lag behind by at least `indexLagBytes`.
    func storeIndexesIfLagging() {
        if byteCount - indexedTo >= Self.indexLagBytes { storeIndexes() }
    }

    /// Writes the new index entries. The files are not kept open because a log may have many partitions. Opening the
    /// log rebuilds missing entries, so an error such as a full disk is ignored here.
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

    /// Releases preallocated space and completes the indexes. A segment that is closed but not finished takes appends
    /// again after the partition is reopened.
    func seal(isFinished: Bool) {
        if isFinished { index.finish() }
        storeIndexes()
        if reservedTo > byteCount {
            try? file.truncate(to: byteCount)
            reservedTo = byteCount
        }
    }
}
