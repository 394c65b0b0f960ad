import Bytes
import ObjectStorage

/// A segment that takes no more records.
struct SealedSegment {
    let paths: SegmentPaths
    let byteCount: Int64
    /// Milliseconds since 1970 of its newest record.
    let newestTimestamp: Int64
}

/// A partition made ready for appends: leftovers removed, torn tail cut, indexes rebuilt.
struct OpenedPartition {
    var sealed: [SealedSegment] = []
    var active: ActiveSegment
    var nextOffset: Int64
    var cut: RecoveryCut?
    /// The slot of the `synced-end` file to write next.
    var syncedEndSlot: Int
    /// Index files that were missing, short or damaged and have been rebuilt.
    var rebuiltIndexes: [String]

    static func open(
        _ directory: String,
        _ files: any FileSystem,
        _ settings: FileLogSettings
    ) throws(WeirError) -> OpenedPartition {
        let (synced, slot) = SyncedEnd.load(directory, files)
        let segments = try SegmentPaths.list(directory, files)
        if let gone = synced?.missingSegment(directory, among: segments) { throw gone }
        try removeOrphans(directory, Set(segments.map(\.baseOffset)), files)
        var rebuilt: [String] = []
        var sealed: [SealedSegment] = []
        for (segment, next) in zip(segments, segments.dropFirst()) {
            sealed.append(
                try checkSealed(segment, next: next.baseOffset, files, settings, rebuilt: &rebuilt)
            )
        }
        let last = segments.last ?? SegmentPaths(directory: directory, baseOffset: 0)
        let file = try files.open(last.log, .write)
        let content = try SegmentRecovery.read(
            file,
            last,
            syncedEnd: synced,
            indexIntervalBytes: settings.indexIntervalBytes
        )
        if content.cut != nil { try file.truncate(to: content.byteCount) }
        // Sync unacknowledged batches that survived a crash before new batches are appended after them.
        try file.sync()
        let reached = SyncedEnd(base: last.baseOffset, position: content.byteCount, offset: content.nextOffset)
        if reached != synced {
            // The `synced-end` file is optional: a full disk must not prevent opening the log.
            do {
                try reached.store(directory, slot: slot, files)
            } catch  where error.code == .outOfSpace {}
        }
        if segments.isEmpty || synced == nil { try files.syncDirectory(directory) }
        try storeIndexes(content.index, last, files, rebuilt: &rebuilt)
        let active = ActiveSegment(last, file, files, content: content)
        return OpenedPartition(
            sealed: sealed,
            active: active,
            nextOffset: content.nextOffset,
            cut: content.cut,
            syncedEndSlot: reached == synced ? slot : (slot + 1) % SyncedEnd.slotStarts.count,
            rebuiltIndexes: rebuilt
        )
    }

    /// Removes index files whose segment was removed by retention.
    private static func removeOrphans(
        _ directory: String,
        _ bases: Set<Int64>,
        _ files: any FileSystem
    ) throws(WeirError) {
        for entry in try files.list(directory) where !entry.isDirectory {
            for kind in ["index", "timeindex"] {
                if let base = SegmentPaths.baseOffset(entry.name, kind: kind), !bases.contains(base) {
                    try files.remove(directory + "/" + entry.name)
                }
            }
        }
    }

    /// Checks from the last index entry that a closed segment is valid to its end and ends where the next one begins,
    /// and that its indexes are usable. Reading checks the rest.
    private static func checkSealed(
        _ segment: SegmentPaths,
        next: Int64,
        _ files: any FileSystem,
        _ settings: FileLogSettings,
        rebuilt: inout [String]
    ) throws(WeirError) -> SealedSegment {
        let file = try files.open(segment.log, .read)
        let size = try file.size()
        if let newest = tailOfSound(segment, file, size: size, next: next, files) {
            return SealedSegment(paths: segment, byteCount: size, newestTimestamp: newest)
        }
        var content = try SegmentRecovery.read(
            file,
            segment,
            syncedEnd: nil,
            indexIntervalBytes: settings.indexIntervalBytes
        )
        if let cut = content.cut {
            throw SegmentRecovery.damage(
                cut.reason + "; a later segment follows",
                segment,
                cut.position,
                cut.nextOffset
            )
        }
        guard content.nextOffset == next else {
            throw SegmentRecovery.damage(
                "the segment ends at offset \(content.nextOffset) but the next one begins at \(next)",
                segment,
                size,
                content.nextOffset
            )
        }
        content.index.finish()
        try storeIndexes(content.index, segment, files, rebuilt: &rebuilt)
        return SealedSegment(
            paths: segment,
            byteCount: size,
            newestTimestamp: content.index.newest?.timestamp ?? .min
        )
    }

    /// The newest timestamp of a closed segment whose indexes are valid and whose batches after the last index entry
    /// are valid; nil otherwise.
    private static func tailOfSound(
        _ segment: SegmentPaths,
        _ file: any OpenFile,
        size: Int64,
        next: Int64,
        _ files: any FileSystem
    ) -> Int64? {
        let offsetBytes = IndexFile.load(segment.offsetIndex, files)
        let timeBytes = IndexFile.load(segment.timeIndex, files)
        let offsets = OffsetIndex.decode(offsetBytes, baseOffset: segment.baseOffset)
        let times = TimeIndex.decode(timeBytes, baseOffset: segment.baseOffset)
        guard offsetBytes.count == offsets.entries.count * OffsetIndex.entryBytes,
            timeBytes.count == times.entries.count * TimeIndex.entryBytes, var newest = times.entries.last
        else { return nil }
        let start = offsets.entries.last
        var scanner = BatchScanner(
            file,
            from: start?.position ?? 0,
            limit: size,
            nextOffset: start == nil ? segment.baseOffset : nil,
            verifyingChecksums: true
        )
        var isFirst = true
        while let step = try? scanner.next() {
            switch step {
            case .batch(let header, _):
                if isFirst, let start, header.lastOffset != start.offset { return nil }
                isFirst = false
                if header.maxTimestamp > newest.timestamp {
                    newest = TimeIndex.Entry(timestamp: header.maxTimestamp, offset: header.lastOffset)
                }
            case .end: return scanner.nextOffset == next && newest == times.entries.last ? newest.timestamp : nil
            case .torn, .damaged: return nil
            }
        }
        return nil
    }

    private static func storeIndexes(
        _ index: IndexBuilder,
        _ segment: SegmentPaths,
        _ files: any FileSystem,
        rebuilt: inout [String]
    ) throws(WeirError) {
        let offsets = OffsetIndex.encode(index.offsets.entries, baseOffset: segment.baseOffset)
        if try IndexFile.store(offsets, segment.offsetIndex, files), !offsets.isEmpty {
            rebuilt.append(segment.offsetIndex)
        }
        let times = TimeIndex.encode(index.times.entries, baseOffset: segment.baseOffset)
        if try IndexFile.store(times, segment.timeIndex, files), !times.isEmpty { rebuilt.append(segment.timeIndex) }
    }
}
