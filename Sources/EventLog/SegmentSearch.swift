import Bytes
import ObjectStorage

/// Finds positions inside one segment: by offset, by time, and its end.
struct SegmentSearch {
    let paths: SegmentPaths
    let file: any OpenFile
    let view: SegmentView
    let files: any FileSystem

    /// The position of the batch that holds the offset or, if there is none, of the first batch after it.
    ///
    /// Returns the position and the base offset of the batch.
    func batch(holding offset: Int64) throws(WeirError) -> (position: Int64, baseOffset: Int64) {
        let start = start(offset)
        var scanner = headers(from: start.position, start.offset)
        while case .batch(let header, let position) = try scanner.next() {
            if header.lastOffset >= offset { return (position, header.baseOffset) }
        }
        // Either the end, or the start of bytes that the reader will check.
        return (scanner.position, scanner.nextOffset)
    }

    /// The offset after the last whole valid batch, and the damage if the log was synced beyond it.
    ///
    /// A torn tail is not damage: another process may be writing it now, or a crash may have left it.
    ///
    /// - Parameter syncedEnd: as loaded before the segment was read.
    func end(syncedEnd: SyncedEnd?) throws(WeirError) -> (offset: Int64, damage: WeirError?) {
        var (position, offset) = start(.max)
        // Bytes that were partly written at the first check may be a whole batch at the second.
        var suspect: Int64?
        while true {
            var scanner = BatchScanner(
                file,
                from: position,
                limit: view.limit,
                nextOffset: offset,
                verifyingChecksums: true
            )
            var step = try scanner.next()
            while case .batch = step { step = try scanner.next() }
            let reason: String
            switch step {
            case .batch, .end:
                let (position, offset) = (scanner.position, scanner.nextOffset)
                return (offset, syncedEnd?.shortfall(paths, position: position, nextOffset: offset, reason: nil))
            case .torn: reason = "the file ends inside a batch"
            case .damaged(let what): reason = what
            }
            (position, offset) = (scanner.position, scanner.nextOffset)
            do throws(WeirError) {
                try SegmentRecovery.failIfSynced(file, paths, position, view.limit, offset, reason, syncedEnd)
                return (offset, nil)
            } catch {
                guard error.code == .corrupt else { throw error }
                if suspect == position { return (offset, error) }
                suspect = position
            }
        }
    }

    /// The first batch that may hold a record at or after the time; nil when there is none.
    func batch(notBefore timestamp: Int64) throws(WeirError) -> (position: Int64, header: RecordBatchHeader)? {
        var position: Int64 = 0
        var offset = paths.baseOffset
        // All records up to the offset of an older entry are too old.
        if let entry = TimeIndex.load(paths, files).entry(before: timestamp) {
            let found = try batch(holding: entry.offset)
            var scanner = headers(from: found.position, found.baseOffset)
            if case .batch(let header, _) = try scanner.next(), header.lastOffset == entry.offset,
                header.maxTimestamp == entry.timestamp
            {
                position = found.position
                offset = header.baseOffset
            }
        }
        var scanner = headers(from: position, offset)
        while case .batch(let header, let position) = try scanner.next() {
            if header.maxTimestamp >= timestamp { return (position, header) }
        }
        return nil
    }

    /// The timestamps of the first and the newest record; nil for an empty segment. The indexes avoid a scan of all
    /// batches, so the newest time is an estimate when they are damaged.
    func timeRange() throws(WeirError) -> (first: Int64, newest: Int64)? {
        var scanner = headers(from: 0, paths.baseOffset)
        guard case .batch(let first, _) = try scanner.next() else { return nil }
        var newest = max(first.maxTimestamp, TimeIndex.load(paths, files).entries.last?.timestamp ?? .min)
        let start = start(.max)
        var tail = headers(from: start.position, start.offset)
        while case .batch(let header, _) = try tail.next() { newest = max(newest, header.maxTimestamp) }
        return (first.baseTimestamp, newest)
    }

    private func headers(from position: Int64, _ offset: Int64) -> BatchScanner {
        BatchScanner(file, from: position, limit: view.limit, nextOffset: offset, verifyingChecksums: false)
    }

    /// Where to start the search for an offset: at the preceding index entry if it points to a valid batch, otherwise
    /// at the beginning.
    private func start(_ target: Int64) -> (position: Int64, offset: Int64) {
        if let entry = OffsetIndex.load(paths, files).entry(notAfter: target), entry.position < view.limit {
            var scanner = BatchScanner(
                file,
                from: entry.position,
                limit: view.limit,
                nextOffset: nil,
                verifyingChecksums: true
            )
            if case .batch(let header, _)? = try? scanner.next(), header.baseOffset <= target,
                header.lastOffset == entry.offset
            {
                return (entry.position, header.baseOffset)
            }
        }
        return (0, paths.baseOffset)
    }
}
