import Bytes
import KeyedState
import ObjectStorage

/// What the key index of a table has besides the table: its part of the memory of a run, and a folder of the local disk
/// for what exceeds it and for the next process.
///
/// Nothing depends on the folder, since the table can recreate the index. While the folder cannot be used, the index is
/// in memory; that is told once, and the folder is tried again from time to time. Used by one thread at a time.
public final class KeyIndexState: @unchecked Sendable {
    /// What the user should know.
    public enum Event: Sendable, Equatable {
        /// The keys were read from the table.
        case loaded(keys: Int)
        /// The keys were taken from the folder, as of a state so many commits ago; nil when they have expired.
        case reopened(keys: Int, commitsBehind: Int?)
        /// What the folder has cannot be used. The keys are read from the table.
        case refused(WeirError)
        /// The folder cannot be used for now.
        case failed(WeirError)
    }

    private let path: String
    private let files: any FileSystem
    private let memory: KeyMemory
    private let member: Int
    private let clock: RunClock
    private let onEvent: @Sendable (Event) -> Void
    private var folder: StateFolder?
    /// Whether the folder may have an index that was saved.
    private var mayHaveSaved = true
    private var savedPoint: StatePoint?
    private var failure: (time: RunClock.Instant, error: WeirError)?
    private var isOver = false
    /// Whether parts of the index were moved to files.
    private(set) var hasSpilled = false

    private static let retryAfter = Duration.seconds(60)

    /// - Parameters:
    ///   - path: a folder that only this index uses. It is created when it is needed.
    ///   - memory: shared with other indexes.
    public init(
        _ path: String,
        memory: KeyMemory,
        files: any FileSystem = LocalFileSystem(),
        clock: RunClock = .system,
        onEvent: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        self.path = path
        self.files = files
        self.memory = memory
        self.clock = clock
        self.onEvent = onEvent
        member = memory.join()
    }

    /// Bytes that files of the folder take.
    var diskBytes: Int { folder?.byteCount ?? 0 }

    /// Gives the folder back. The index must not be used any more.
    public func end() {
        isOver = true
        folder = nil
        giveUp()
    }

    func tell(_ event: Event) { onEvent(event) }

    /// Rows of files that may be read at the same time before their keys are part of the index.
    var rowsOfRound: Int64 { Int64(memory.note(member, 0) / 64) }

    // MARK: Memory

    /// Keys that may be in a hash table, which takes about half of the memory then.
    var recentKeys: Int { memory.bytes / 64 }

    /// Moves parts of an index to files once it takes more memory than it may.
    func trim(_ places: inout PlaceMap) {
        let used = places.byteCount
        let limit = memory.note(member, used)
        guard used > limit, let folder = usable() else { return }
        do throws(WeirError) {
            // Well below the limit, so that few files are written.
            try places.spill(to: folder, memory: limit / 2)
            hasSpilled = true
            failure = nil
        } catch {
            fail(error)
        }
        memory.note(member, places.byteCount)
    }

    /// The same between two rounds of loading. Runs are then merged one by one: all at the next round would be in memory
    /// at the same time.
    func trimLoaded(_ places: inout PlaceMap, check: () throws(WeirError) -> Void) throws(WeirError) {
        trim(&places)
        while hasSpilled, let merge = places.dueMerge() {
            try check()
            places.adopt(merge.merged())
            trim(&places)
        }
    }

    /// The folder, unless it could not be used a short time ago.
    private func usable() -> StateFolder? {
        if isOver { return nil }
        if let failure, clock.now - failure.time < Self.retryAfter { return nil }
        do throws(WeirError) {
            if let folder {
                if failure != nil { try folder.restore() }
                return folder
            }
            let new = try StateFolder(path, files: files)
            folder = new
            return new
        } catch {
            fail(error)
            return nil
        }
    }

    private func fail(_ error: WeirError) {
        let isNew = failure?.error.code != error.code || failure?.error.message != error.message
        failure = (clock.now, error)
        if isNew { onEvent(.failed(error)) }
    }

    // MARK: The next process

    /// The index that was saved last, by this process or an earlier one.
    ///
    /// - Parameter check: called periodically; an error it throws ends the reading, and is thrown.
    func open(as identity: StateIdentity, check: () throws(WeirError) -> Void) throws(WeirError) -> SavedPlaces? {
        guard mayHaveSaved, let folder = usable() else { return nil }
        switch try PlaceMap.open(folder, as: identity, check: check) {
        case .nothing:
            mayHaveSaved = false
            return nil
        case .unusable(let error):
            refuse(error)
            return nil
        case .saved(let saved):
            savedPoint = saved.point
            hasSpilled = true
            return saved
        }
    }

    /// The saved index is not used, now or later.
    func refuse(_ error: WeirError) {
        mayHaveSaved = false
        savedPoint = nil
        folder?.forget()
        onEvent(.refused(error))
    }

    /// Begins with an empty index. What an earlier one that was not loaded to its end has spilled is removed.
    func beginLoading() {
        hasSpilled = false
        giveUp()
        folder?.forgetOthers()
    }

    /// The index is given up; others may have its memory.
    func giveUp() { memory.note(member, 0) }

    /// Saves an index, unless the folder has it as it is.
    ///
    /// - Parameter check: called now and then; an error it throws ends the saving, and what was saved before stays.
    func save(
        _ places: inout PlaceMap,
        as identity: StateIdentity,
        at point: StatePoint,
        payload: () -> [UInt8],
        check: () throws(WeirError) -> Void
    ) {
        guard let folder = usable() else { return }
        if savedPoint == point, folder.hasState { return }
        do throws(WeirError) {
            try places.save(to: folder, as: identity, at: point, payload: payload(), check: check)
            savedPoint = point
            mayHaveSaved = true
            failure = nil
        } catch {
            if error.code != .cancelled { fail(error) }
        }
        memory.note(member, places.byteCount)
    }
}
