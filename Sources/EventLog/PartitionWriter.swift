import Bytes
import Foundation
import ObjectStorage

/// Appends to one partition. The partitions of a writer share the flush threads; one thread at a time serves a
/// partition.
///
/// Producers queue batches. The flush thread takes all queued batches up to a limit, writes them in one call, syncs
/// once, and then acknowledges all of them. The next group gathers while a sync runs, so the group size grows with the
/// load. Only one sync is in flight, and the next group is written after it, so a crash can tear only the last group.
/// `SyncedEnd` and the batches of the next group record the position of the last sync.
///
/// A failed write is truncated and fails every queued append; later appends may succeed. A failed sync stops the
/// partition permanently: the kernel may have dropped the pages and would report the next sync as a success.
final class PartitionWriter: @unchecked Sendable {
    let directory: String
    private let files: any FileSystem
    private let settings: FileLogSettings
    private let clock: @Sendable () -> Int64
    private let condition = Condition()
    private let threads: FlushThreads

    // Protected by `condition`.
    /// Whether the partition is queued or being served by a flush thread.
    private var isScheduled = false
    private var pending: [AppendTicket] = []
    private var pendingBytes = 0
    private var stopping = false
    private var finished = false
    private var failure: WeirError?
    /// Wakeups of readers that wait for `published` to advance.
    private var waiting: [Wakeup] = []
    private var published: (base: Int64, byteCount: Int64, end: Int64)
    private var retentionsAsked = 0
    private var retentionResults: [Int: Result<Int, WeirError>] = [:]

    // Used by the flush thread alone.
    private var sealed: [SealedSegment]
    private var active: ActiveSegment
    private var nextOffset: Int64
    /// The old segment is finished but creating the new one failed. The next offset determines its name.
    private var mustRoll = false
    private var unsyncedSince: MonotonicTime?
    /// Bytes of the active segment that are synced.
    private var syncedPosition: Int64
    private var syncedEnd: SyncedEnd
    private var syncedEndFile: SyncedEndFile

    init(
        _ opened: OpenedPartition,
        directory: String,
        files: any FileSystem,
        settings: FileLogSettings,
        clock: @escaping @Sendable () -> Int64,
        threads: FlushThreads
    ) {
        self.threads = threads
        self.directory = directory
        self.files = files
        self.settings = settings
        self.clock = clock
        sealed = opened.sealed
        active = opened.active
        nextOffset = opened.nextOffset
        published = (opened.active.paths.baseOffset, opened.active.byteCount, opened.nextOffset)
        syncedPosition = opened.active.byteCount
        syncedEnd = SyncedEnd(
            base: opened.active.paths.baseOffset,
            position: opened.active.byteCount,
            offset: opened.nextOffset
        )
        syncedEndFile = SyncedEndFile(syncedEnd, directory: directory, slot: opened.syncedEndSlot, files: files)
    }

    // MARK: Producers

    /// Queues a batch. Blocks while the queue holds more than the settings allow.
    func submit(_ batch: EncodedRecordBatch) throws(WeirError) -> AppendTicket {
        let ticket = AppendTicket(batch, self)
        try condition.locked { () throws(WeirError) in
            while failure == nil, !stopping, pendingBytes >= settings.pendingBytesMax { condition.wait() }
            if let failure { throw failure }
            guard !stopping else { throw WeirError(.cancelled, "the log was closed", at: directory) }
            pending.append(ticket)
            pendingBytes += batch.byteCount
            scheduleLocked()
        }
        return ticket
    }

    func wait(_ ticket: AppendTicket) throws(WeirError) -> Int64 {
        try condition.locked { () -> Result<Int64, WeirError> in
            while true {
                if let result = ticket.result { return result }
                condition.wait()
            }
        }.get()
    }

    func poll(_ ticket: AppendTicket) throws(WeirError) -> Int64? {
        try condition.locked { ticket.result }?.get()
    }

    /// Removes the segments that retention does not keep; returns how many.
    func applyRetention() throws(WeirError) -> Int {
        try condition.locked { () -> Result<Int, WeirError> in
            guard !stopping else { return .failure(WeirError(.cancelled, "the log was closed", at: directory)) }
            let request = retentionsAsked
            retentionsAsked += 1
            scheduleLocked()
            while true {
                if let result = retentionResults.removeValue(forKey: request) { return result }
                condition.wait()
            }
        }.get()
    }

    /// Makes later appends fail. Batches already queued are still written.
    func beginClosing() {
        condition.locked {
            stopping = true
            condition.broadcast()
            if !finished { scheduleLocked() }
        }
    }

    /// Waits until all queued batches are written.
    func close() {
        beginClosing()
        condition.locked {
            while !finished { condition.wait() }
        }
    }

    // MARK: Readers of this process

    /// The number of acknowledged bytes of a segment; nil when the segment is closed, so all of it is acknowledged.
    func acknowledgedBytes(ofSegment base: Int64) -> Int64? {
        condition.locked { base >= published.base ? (base == published.base ? published.byteCount : 0) : nil }
    }

    /// The offset after the last acknowledged record.
    var acknowledgedEnd: Int64 { condition.locked { published.end } }

    /// Blocks until a record at the offset is acknowledged, the deadline passes, or the writer is closed.
    func waitForRecord(at offset: Int64, until deadline: MonotonicTime) -> Bool {
        condition.locked {
            while published.end <= offset, !finished {
                if MonotonicTime.now >= deadline { return false }
                condition.wait(until: deadline)
            }
            return published.end > offset
        }
    }

    /// Whether a record at the offset is acknowledged. If not, signals the wakeup when more records are acknowledged.
    func hasRecord(at offset: Int64, waking wakeup: Wakeup) -> Bool {
        condition.locked {
            if published.end > offset { return true }
            if !waiting.contains(where: { $0 === wakeup }) { waiting.append(wakeup) }
            return false
        }
    }

    // MARK: The flush thread

    private enum Work {
        case group([AppendTicket])
        case sync
        case retention(Int)
        case storeSyncedEnd
        case stop
        /// No work until a batch is queued or the time is reached.
        case rest(until: MonotonicTime?)
    }

    private var retentionsDone = 0

    /// Queues the partition for a flush thread.
    func schedule() { condition.locked { scheduleLocked() } }

    private func scheduleLocked() {
        guard !isScheduled, !finished else { return }
        isScheduled = true
        threads.enqueue(self)
    }

    /// Does one piece of work. Returns false when there is none, so the thread can serve another partition.
    func work() -> Bool {
        switch nextWork() {
        case .group(let group): commit(group)
        case .sync: syncLate()
        case .storeSyncedEnd: syncedEndFile.store(syncedEnd)
        case .retention(let request):
            let result = Result { () throws(WeirError) in try removeOldSegments() }
            condition.locked {
                retentionResults[request] = result
                condition.broadcast()
            }
        case .stop:
            if unsyncedSince != nil { syncLate() }
            if condition.locked({ failure == nil }) {
                active.seal(isFinished: false)
                if !syncedEndFile.holds(syncedEnd) { syncedEndFile.store(syncedEnd, andSync: true) }
            }
            threads.wake(self, at: nil)
            condition.locked {
                finished = true
                isScheduled = false
                condition.broadcast()
            }
            return false
        case .rest: return false
        }
        return true
    }

    private func nextWork() -> Work {
        condition.locked {
            let now = MonotonicTime.now
            var syncAt: MonotonicTime?
            if case .everyMilliseconds(let pause) = settings.flush, let since = unsyncedSince {
                syncAt = since.adding(milliseconds: pause)
            }
            if let syncAt, now >= syncAt { return .sync }
            if retentionsDone < retentionsAsked {
                retentionsDone += 1
                return .retention(retentionsDone - 1)
            }
            if let lagAt = syncedEndFile.whenLagging(behind: syncedEnd, settings), now >= lagAt {
                return .storeSyncedEnd
            }
            if !pending.isEmpty { return .group(takeGroup()) }
            if stopping { return .stop }
            let storeAt = failure == nil ? syncedEndFile.whenDue(syncedEnd, settings) : nil
            if let storeAt, now >= storeAt { return .storeSyncedEnd }
            // Lock order: this partition's lock, then that of `FlushThreads`.
            isScheduled = false
            let wakeAt = [syncAt, storeAt].compactMap(\.self).min()
            threads.wake(self, at: wakeAt)
            return .rest(until: wakeAt)
        }
    }

    /// The batches of the next write: as many queued batches as fit the group and the segment. The lock is held.
    private func takeGroup() -> [AppendTicket] {
        let room = settings.segmentBytes - Int(active.byteCount)
        let first = pending[0].batch.byteCount
        // If the first batch does not fit, the group goes to a new segment.
        let limit = min(settings.groupBytesMax, first <= room ? room : settings.segmentBytes)
        var count = 1
        var bytes = first
        while count < pending.count, count < 512, bytes + pending[count].batch.byteCount <= limit {
            bytes += pending[count].batch.byteCount
            count += 1
        }
        let group = Array(pending[..<count])
        pending.removeFirst(count)
        pendingBytes -= bytes
        return group
    }

    private func commit(_ group: [AppendTicket]) {
        if let failure = condition.locked({ self.failure }) { return resolve(group, failingWith: failure) }
        let byteCount = group.reduce(0) { $0 + $1.batch.byteCount }
        do {
            try rollIfNeeded(for: byteCount)
            active.reserve(byteCount, segmentBytes: settings.segmentBytes)
            try write(group)
        } catch {
            return resolve(group, failingWith: error)
        }
        switch settings.flush {
        case .everyGroup:
            do {
                try active.file.sync()
            } catch {
                return stop(error, group)
            }
        case .everyMilliseconds, .never: if unsyncedSince == nil { unsyncedSince = .now }
        }
        if active.startedAt == nil { active.startedAt = clock() }
        let first = nextOffset
        for ticket in group {
            active.added(ticket.batch, baseOffset: nextOffset)
            nextOffset += Int64(ticket.batch.count)
        }
        if settings.flush == .everyGroup { noteSync() }
        condition.locked {
            published = (active.paths.baseOffset, active.byteCount, nextOffset)
            var offset = first
            for ticket in group {
                ticket.result = .success(offset)
                offset += Int64(ticket.batch.count)
            }
            condition.broadcast()
            for wakeup in waiting { wakeup.signal() }
            waiting = []
        }
        active.storeIndexesIfLagging()
    }

    /// Records that everything written is synced.
    private func noteSync() {
        syncedPosition = active.byteCount
        syncedEnd = SyncedEnd(base: active.paths.baseOffset, position: active.byteCount, offset: nextOffset)
    }

    /// Writes the group in one call. Sets each batch's base offset and its distance to the end of the last sync.
    /// Truncates the file after a failed write.
    private func write(_ group: [AppendTicket]) throws(WeirError) {
        // Base offset, unchanged length, and distance: all lie before the part covered by the checksum.
        let headCount = RecordBatchHeader.magicAt
        let heads = UnsafeMutableRawPointer.allocate(byteCount: group.count * headCount, alignment: 8)
        defer { heads.deallocate() }
        var pieces: [UnsafeRawBufferPointer] = []
        pieces.reserveCapacity(group.count * 2)
        var offset = nextOffset
        var position = active.byteCount
        for (index, ticket) in group.enumerated() {
            let batch = ticket.batch.bytes.bytes
            let head = UnsafeMutableRawBufferPointer(start: heads + index * headCount, count: headCount)
            head.copyMemory(from: UnsafeRawBufferPointer(rebasing: batch[..<headCount]))
            head.storeBytes(of: offset.bigEndian, as: Int64.self)
            head.storeBytes(
                of: Int32(clamping: position - syncedPosition).bigEndian,
                toByteOffset: RecordBatchHeader.syncedBehindAt,
                as: Int32.self
            )
            pieces.append(UnsafeRawBufferPointer(head))
            pieces.append(UnsafeRawBufferPointer(rebasing: batch[headCount...]))
            offset += Int64(ticket.batch.count)
            position += Int64(ticket.batch.byteCount)
        }
        do {
            try active.file.write(gathering: pieces, at: active.byteCount)
        } catch {
            do {
                try active.file.truncate(to: active.byteCount)
            } catch let second {
                halt(second, "what a failed write left could not be cut off")
            }
            throw error.located(at: "appending offset \(nextOffset)")
        }
    }

    /// Syncs what a weaker flush mode has left unsynced.
    private func syncLate() {
        unsyncedSince = nil
        if condition.locked({ failure != nil }) { return }
        do {
            try active.file.sync()
            noteSync()
        } catch {
            stop(error, [])
        }
    }

    // MARK: Segments

    private func rollIfNeeded(for byteCount: Int) throws(WeirError) {
        var isDue = mustRoll
        if active.byteCount > 0 {
            if active.byteCount + Int64(byteCount) > Int64(settings.segmentBytes) { isDue = true }
            if let started = active.startedAt, clock() - started > settings.segmentAgeMilliseconds { isDue = true }
        }
        guard isDue else { return }
        mustRoll = true
        if unsyncedSince != nil {
            do {
                try active.file.sync()
                unsyncedSince = nil
            } catch {
                halt(error, "a sync failed")
                throw error
            }
        }
        active.seal(isFinished: true)
        let paths = SegmentPaths(directory: directory, baseOffset: nextOffset)
        let file = try files.open(paths.log, .write)
        do {
            try files.syncDirectory(directory)
        } catch {
            halt(error, "a sync failed")
            throw error
        }
        sealed.append(
            SealedSegment(
                paths: active.paths,
                byteCount: active.byteCount,
                newestTimestamp: active.index.newest?.timestamp ?? .min
            )
        )
        let empty = SegmentContent(
            nextOffset: nextOffset,
            index: IndexBuilder(intervalBytes: settings.indexIntervalBytes)
        )
        active = ActiveSegment(paths, file, files, content: empty)
        mustRoll = false
        noteSync()
        // An append must not fail because an old segment could not be removed. The next roll or call retries.
        _ = try? removeOldSegments()
    }

    private func removeOldSegments() throws(WeirError) -> Int {
        try sealed.removeOld(
            settings,
            activeBytes: active.byteCount,
            now: clock(),
            directory: directory,
            files: files
        )
    }

    // MARK: Failing

    /// Fails the group and everything queued behind it: an append must not overtake one that failed.
    private func resolve(_ group: [AppendTicket], failingWith error: WeirError) {
        condition.locked {
            for ticket in group + pending { ticket.result = .failure(error) }
            pending.removeAll()
            pendingBytes = 0
            condition.broadcast()
        }
    }

    private func stop(_ error: WeirError, _ group: [AppendTicket]) {
        // The bytes are in the page cache but perhaps not on the device. Truncate them so that no later opening treats
        // them as durable.
        if settings.flush == .everyGroup { try? active.file.truncate(to: active.byteCount) }
        halt(error, "a sync failed")
        resolve(group, failingWith: error.located(at: "appending offset \(nextOffset)"))
    }

    private func halt(_ error: WeirError, _ what: String) {
        let stopped = WeirError(
            .storage,
            "the partition has stopped because \(what): \(error.message)",
            at: error.location ?? directory,
            advice: "check the device, then open the log again"
        )
        condition.locked {
            if failure == nil { failure = stopped }
            condition.broadcast()
        }
    }
}
