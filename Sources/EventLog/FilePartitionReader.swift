import Bytes
import Foundation
import ObjectStorage

/// Reads a partition's segments with large reads and returns the read buffer itself as the arena of the batches.
///
/// It takes no lock. It never returns records that a writer in this process has not acknowledged. From a writer in
/// another process, it returns only whole valid batches.
final class FilePartitionReader: PartitionReader, @unchecked Sendable {
    // Used by one thread at a time, as the protocol requires.
    private(set) var position: Int64
    private let topic: String
    private let partition: Int
    private let directory: String
    private let files: any FileSystem
    private let pool: ArenaPool

    private struct Segment {
        let paths: SegmentPaths
        let file: any OpenFile
        /// Position of the next batch in the file.
        var filePosition: Int64
        /// The base offset of the next batch.
        var nextBase: Int64
    }
    private var segment: Segment?
    /// A tail that was read and is not a whole batch yet. It is not read again until the file has grown.
    private var unfinished: (base: Int64, filePosition: Int64, limit: Int64)?
    /// An end position that was checked against the directory.
    private var checkedEnd: (base: Int64, filePosition: Int64)?
    /// `provenEnd` is an end beyond which the log was not synced. `suspectEnd` is an end before the synced end, seen
    /// once.
    private var provenEnd: (base: Int64, filePosition: Int64)?
    private var suspectEnd: (base: Int64, filePosition: Int64)?
    private var watch: DirectoryWatch?

    /// Minimum bytes of a read; the buffer also has room for the padding.
    private static let readBytesMin = 64 << 10
    private static let readBytesMax = 1 << 30

    init(topic: String, partition: Int, directory: String, from offset: Int64, files: any FileSystem, pool: ArenaPool) {
        self.topic = topic
        self.partition = partition
        self.directory = directory
        self.files = files
        self.pool = pool
        position = offset
    }

    // MARK: Reading

    func next(maxBytes: Int) throws(WeirError) -> RawBatch? {
        var wanted = min(max(maxBytes, Self.readBytesMin), Self.readBytesMax)
        while true {
            guard let segment = try currentSegment() else { return nil }
            let view = try view(of: segment)
            guard segment.filePosition < view.limit else {
                if segment.filePosition > view.limit { throw cutBehind(segment, view) }
                if !view.isLast {
                    try advance(from: segment)
                } else {
                    if view.isAcknowledged { return nil }
                    if try isEndOfLog(segment), try mayEnd(segment, reason: nil) { return nil }
                }
                continue
            }
            if let unfinished, unfinished == (segment.paths.baseOffset, segment.filePosition, view.limit), view.isLast {
                return nil
            }
            switch try read(segment, view, wanted) {
            case .batch(let batch): return batch
            case .nothing: continue
            case .needs(let bytes): wanted = bytes
            case .invalid(let reason):
                let isLast = try SegmentPaths.list(directory, files).last == segment.paths
                guard view.isLast, isLast, !view.isAcknowledged else {
                    throw SegmentRecovery.damage(reason, segment.paths, segment.filePosition, position)
                }
                try SegmentRecovery.failIfSynced(
                    segment.file,
                    segment.paths,
                    segment.filePosition,
                    view.limit,
                    position,
                    reason,
                    nil
                )
                guard try mayEnd(segment, reason: reason) else { continue }
                unfinished = (segment.paths.baseOffset, segment.filePosition, view.limit)
                return nil
            }
        }
    }

    private enum Outcome {
        case batch(RawBatch)
        /// Only batches without records for this reader were skipped.
        case nothing
        /// The batch is bigger than the read was.
        case needs(Int)
        case invalid(String)
    }

    private func read(_ segment: Segment, _ view: SegmentView, _ wanted: Int) throws(WeirError) -> Outcome {
        let count = Int(min(view.limit - segment.filePosition, Int64(wanted)))
        let arena = try pool.buffer(capacity: count + RawBatch.padding) { (memory) throws(WeirError) in
            let read = try segment.file.read(
                into: UnsafeMutableRawBufferPointer(start: memory, count: count),
                at: segment.filePosition
            )
            memset(memory + read, 0, RawBatch.padding)
            return read
        }
        var table = GrowableBuffer(capacity: max(arena.count / 512, 1) * MemoryLayout<RawBatch.Record>.stride)
        var index = 0
        var next = position
        var nextBase = segment.nextBase
        while index < arena.count {
            let check = BatchCheck.of(
                arena.base + index,
                available: arena.count - index,
                expectedOffset: nextBase
            )
            guard case .whole(let header) = check else {
                if index > 0 { break }
                if case .damaged(let reason) = check { return .invalid(reason) }
                guard case .incomplete(let needed) = check, needed > count,
                    Int64(needed) <= view.limit - segment.filePosition
                else { return .invalid("the file ends inside a batch") }
                return .needs(needed)
            }
            if header.isControl || header.nextOffset <= next {
                index += header.totalCount
                nextBase = header.nextOffset
                next = max(next, nextBase)
                continue
            }
            guard let codec = header.codec else {
                throw unsupported(segment, index, header)
            }
            if codec == .none {
                do {
                    try RecordSlicer.slice(
                        arena.base,
                        from: index + RecordBatchHeader.byteCount,
                        to: index + header.totalCount,
                        header: header,
                        firstOffset: next,
                        into: &table
                    )
                } catch {
                    if table.count > 0 { break }
                    throw error.located(at: "\(segment.paths.log), byte \(segment.filePosition + Int64(index))")
                }
            } else {
                // A compressed batch is expanded into its own arena, so return the uncompressed batches before it
                // first.
                if table.count > 0 { break }
                return try expand(arena, index, header, codec, segment, next)
            }
            index += header.totalCount
            nextBase = header.nextOffset
            next = nextBase
        }
        self.segment?.filePosition += Int64(index)
        self.segment?.nextBase = nextBase
        position = next
        unfinished = nil
        guard table.count > 0 else { return .nothing }
        return .batch(
            RawBatch(topic: topic, partition: partition, arena: arena, table: table.finish(), hasHeaders: true)
        )
    }

    private func expand(
        _ arena: Buffer,
        _ index: Int,
        _ header: RecordBatchHeader,
        _ codec: CompressionCodec,
        _ segment: Segment,
        _ firstOffset: Int64
    ) throws(WeirError) -> Outcome {
        var expanded = GrowableBuffer(capacity: header.totalCount * 4)
        var table = GrowableBuffer()
        do {
            try codec.decompress(
                UnsafeRawBufferPointer(
                    start: arena.base + index + RecordBatchHeader.byteCount,
                    count: header.totalCount - RecordBatchHeader.byteCount
                ),
                into: &expanded
            )
            try RecordSlicer.slice(
                expanded.base,
                from: 0,
                to: expanded.count,
                header: header,
                firstOffset: firstOffset,
                into: &table
            )
        } catch {
            throw error.located(
                at: "\(segment.paths.log), byte \(segment.filePosition + Int64(index)), offset \(header.baseOffset)"
            )
        }
        withExtendedLifetime(arena) {}
        expanded.append(repeating: 0, count: RawBatch.padding)
        self.segment?.filePosition += Int64(index + header.totalCount)
        self.segment?.nextBase = header.nextOffset
        position = header.nextOffset
        unfinished = nil
        guard table.count > 0 else { return .nothing }
        return .batch(
            RawBatch(
                topic: topic,
                partition: partition,
                arena: expanded.finish(),
                table: table.finish(),
                hasHeaders: true
            )
        )
    }

    // MARK: Segments

    /// The segment that holds the position; nil while the partition has none.
    private func currentSegment() throws(WeirError) -> Segment? {
        if let segment { return segment }
        let segments = try SegmentPaths.list(directory, files)
        guard let first = segments.first else {
            if let synced = SyncedEnd.load(directory, files).end,
                let gone = synced.missingSegment(directory, among: try SegmentPaths.list(directory, files))
            {
                throw gone
            }
            guard position == 0 else { throw lost(earliest: nil) }
            return nil
        }
        guard position >= first.baseOffset else { throw lost(earliest: first.baseOffset) }
        let paths = segments.last { $0.baseOffset <= position } ?? first
        var found = try open(paths)
        let view = try view(of: found)
        let search = SegmentSearch(paths: paths, file: found.file, view: view, files: files)
        (found.filePosition, found.nextBase) = try search.batch(holding: position)
        segment = found
        return found
    }

    private func open(_ paths: SegmentPaths) throws(WeirError) -> Segment {
        do {
            return Segment(
                paths: paths,
                file: try files.open(paths.log, .read),
                filePosition: 0,
                nextBase: paths.baseOffset
            )
        } catch  where error.code == .notFound {
            throw lost(earliest: try SegmentPaths.list(directory, files).first?.baseOffset)
        }
    }

    private func view(of segment: Segment) throws(WeirError) -> SegmentView {
        try SegmentView.of(segment.paths, segment.file, next: { () throws(WeirError) in try hasNext(segment) }, files)
    }

    /// Whether a later segment exists. Its name is the next offset.
    private func hasNext(_ segment: Segment) throws(WeirError) -> Bool {
        if position > segment.paths.baseOffset,
            try files.status(SegmentPaths(directory: directory, baseOffset: position).log) != nil
        {
            return true
        }
        return false
    }

    /// Moves to the segment after a finished one.
    private func advance(from finished: Segment) throws(WeirError) {
        let segments = try SegmentPaths.list(directory, files)
        guard let next = segments.first(where: { $0.baseOffset > finished.paths.baseOffset }) else { return }
        guard next.baseOffset == position else {
            if segments.first?.baseOffset ?? 0 > position { throw lost(earliest: segments.first?.baseOffset) }
            throw SegmentRecovery.damage(
                "the segment ends at offset \(position) but the next one begins at \(next.baseOffset)",
                finished.paths,
                finished.filePosition,
                position
            )
        }
        segment = try open(next)
    }

    /// Whether the end of this segment is the end of the log. Retention may have removed this segment, and a later
    /// segment with an unexpected base offset means that a segment is missing.
    private func isEndOfLog(_ segment: Segment) throws(WeirError) -> Bool {
        if let checkedEnd, checkedEnd == (segment.paths.baseOffset, segment.filePosition) {
            if try isThere(segment) { return true }
        }
        let segments = try SegmentPaths.list(directory, files)
        guard segments.contains(segment.paths) else {
            guard let earliest = segments.first?.baseOffset, earliest == position else {
                throw lost(earliest: segments.first?.baseOffset)
            }
            self.segment = nil
            return false
        }
        guard let last = segments.last, last != segment.paths else {
            guard try isThere(segment) else { throw lost(earliest: segments.first?.baseOffset) }
            checkedEnd = (segment.paths.baseOffset, segment.filePosition)
            return true
        }
        // Records and a new segment may have been written since this reader checked the size.
        if try segment.file.size() > segment.filePosition { return false }
        try advance(from: segment)
        return false
    }

    /// Whether the log may end at the reader's position according to the synced end. If the log was synced further, the
    /// reader checks once more, since records may have been written after it read the file. The second time it is an
    /// error.
    private func mayEnd(_ segment: Segment, reason: String?) throws(WeirError) -> Bool {
        let end = (segment.paths.baseOffset, segment.filePosition)
        if let provenEnd, provenEnd == end { return true }
        guard let synced = SyncedEnd.load(directory, files).end, synced.offset > position else {
            provenEnd = end
            return true
        }
        guard let suspectEnd, suspectEnd == end else {
            suspectEnd = end
            return false
        }
        if let gone = synced.missingSegment(directory, among: try SegmentPaths.list(directory, files)) { throw gone }
        if let lost = synced.shortfall(
            segment.paths,
            position: segment.filePosition,
            nextOffset: position,
            reason: reason
        ) {
            throw lost
        }
        return true
    }

    /// Whether the segment's path still refers to the open file: a topic may be deleted and created again. Files only
    /// grow, so the path refers to the open file if its size lies between the bytes read and the current size of the
    /// open file.
    private func isThere(_ segment: Segment) throws(WeirError) -> Bool {
        guard let named = try files.status(segment.paths.log)?.size else { return false }
        let size = try segment.file.size()
        return named >= segment.filePosition && named <= size
    }

    // MARK: Waiting

    func waitForRecords(timeoutMilliseconds: Int) throws(WeirError) -> Bool {
        let deadline = MonotonicTime.after(milliseconds: timeoutMilliseconds)
        while true {
            if let writer = ActivePartitions.shared.writer(of: directory) {
                if writer.waitForRecord(at: position, until: deadline) { return true }
            } else {
                if try mayHaveRecords() { return true }
                if watch == nil {
                    watch = DirectoryWatch(directory)
                    // Check for records written before the watch was set up.
                    if try mayHaveRecords() { return true }
                }
                watch?.wait(milliseconds: min(deadline.millisecondsLeft, Wakeup.lookAgainMilliseconds))
                if try mayHaveRecords() { return true }
            }
            if MonotonicTime.now >= deadline { return false }
        }
    }

    func mayHaveRecords(waking wakeup: Wakeup, _ watched: inout [Int32]) throws(WeirError) -> Bool {
        if let writer = ActivePartitions.shared.writer(of: directory) {
            return writer.hasRecord(at: position, waking: wakeup)
        }
        // Clear the watch before checking for records, so that a later change is reported again.
        if let watch { watch.wait(milliseconds: 0) } else { watch = DirectoryWatch(directory) }
        if let descriptor = watch?.descriptor { watched.append(descriptor) }
        do {
            return try mayHaveRecords()
        } catch {
            // Lost records are reported by `next`, which applies the rules for lost offsets.
            guard error.code == .notFound else { throw error }
            return true
        }
    }

    private func mayHaveRecords() throws(WeirError) -> Bool {
        guard let segment = try currentSegment() else { return false }
        let view = try view(of: segment)
        if !view.isLast || segment.filePosition > view.limit { return true }
        if segment.filePosition == view.limit { return try !isThere(segment) }
        if let unfinished, unfinished == (segment.paths.baseOffset, segment.filePosition, view.limit) { return false }
        // Only part of a batch may be visible, in which `next` would find nothing.
        let lead = try segment.file.read(count: RecordBatchHeader.lengthStart, at: segment.filePosition)
        guard lead.count == RecordBatchHeader.lengthStart else { return false }
        let length = lead[8..<12].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return Int64(RecordBatchHeader.lengthStart) + length <= view.limit - segment.filePosition
    }

    // MARK: Errors

    private func lost(earliest: Int64?) -> WeirError {
        guard let earliest else {
            return WeirError(.notFound, "offset \(position) is gone, the partition holds no records", at: directory)
        }
        return WeirError(
            .notFound,
            "offsets \(position) to \(earliest - 1) are lost: retention has removed them",
            at: directory,
            advice: "read on from offset \(earliest), and keep the log longer than the slowest reader needs"
        )
    }

    private func cutBehind(_ segment: Segment, _ view: SegmentView) -> WeirError {
        WeirError(
            .unknownState,
            "the log was cut back to byte \(view.limit) behind this reader, which had read to \(segment.filePosition)",
            at: "\(segment.paths.log), offset \(position)",
            advice: "start the reader again from a position it has stored"
        )
    }

    private func unsupported(_ segment: Segment, _ index: Int, _ header: RecordBatchHeader) -> WeirError {
        let codec = header.attributes & RecordBatchHeader.codecMask
        return WeirError(
            .unsupported,
            "the record batch at offset \(header.baseOffset) is compressed with codec number \(codec), which is not known",
            at: "\(segment.paths.log), byte \(segment.filePosition + Int64(index))",
            advice: "write the topic with none, gzip, snappy, lz4 or zstd"
        )
    }
}
