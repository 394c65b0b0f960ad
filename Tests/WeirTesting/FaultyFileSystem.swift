import Bytes
import ObjectStorage
import Synchronization

/// A file system that dies at a chosen step, the way a process or a machine does.
///
/// Nothing is really synced, which would cost most of a test's time: what a sync covered is only remembered.
///
/// Every call that changes something is one step. At the fatal step a write is torn in half, every later call fails, and
/// `loseUnsynced()` then takes away what was written but never synced. The test starts again over the real files.
///
/// A device is not so orderly: any of the pages written since the last sync may have reached it, in any order. Made with
/// `trackingPages`, the file system remembers them, and `loseUnsynced(pageBytes:using:)` draws which ones.
public final class FaultyFileSystem: FileSystem {
    /// What happens at the fatal step.
    public enum Fault: Sendable {
        /// The process is gone: this call and all later ones fail.
        case crash
        /// This one call reports a full disk; later ones work.
        case outOfSpace
    }

    struct State {
        var steps = 0
        var isDead = false
        /// Size of each file at its last sync.
        var syncedSizes: [String: Int64] = [:]
        /// What is on the device of each file, and what was written to it since; only when pages are tracked.
        var images: [String: UnsyncedWrites] = [:]
        /// Files whose directory was not synced since they were created.
        var created: Set<String> = []
    }

    private let real = LocalFileSystem()
    private let failAt: Int?
    private let fault: Fault
    private let trackingPages: Bool
    let state = Mutex(State())

    /// Fails at the step of that number, counted from 0; never when nil.
    public init(failAt: Int? = nil, fault: Fault = .crash, trackingPages: Bool = false) {
        self.failAt = failAt
        self.fault = fault
        self.trackingPages = trackingPages
    }

    /// Steps taken so far: run once without a fault to learn how many there are to sweep.
    public var steps: Int { state.withLock { $0.steps } }
    public var isDead: Bool { state.withLock { $0.isDead } }

    /// Cuts every file back to what its last sync covered: a power failure instead of a killed process.
    public func loseUnsynced() {
        let sizes = state.withLock { $0.syncedSizes }
        for (path, size) in sizes {
            guard let status = try? real.status(path), status.size > size, let file = try? real.open(path, .write)
            else {
                continue
            }
            try? file.truncate(to: size)
        }
    }

    /// Leaves of everything unsynced what the generator draws: each page of each file as the last sync or any write since
    /// has left it, each file as long as it was at any time since, each new file there or not.
    ///
    /// - Parameter pageBytes: the unit that is written whole; small ones make many holes in small files.
    public func loseUnsynced(pageBytes: Int, using random: inout some RandomNumberGenerator) {
        let (images, created) = state.withLock { ($0.images, $0.created) }
        for (path, image) in images.sorted(by: { $0.key < $1.key }) {
            if created.contains(path), Bool.random(using: &random) {
                try? real.remove(path)
                continue
            }
            guard !image.isSynced, let file = try? real.open(path, .write) else { continue }
            try? file.truncate(to: 0)
            let left = image.drawn(pageBytes: pageBytes, using: &random)
            if !left.isEmpty { try? file.write(left, at: 0) }
        }
    }

    func track(_ path: String, _ change: (inout UnsyncedWrites) -> Void) {
        guard trackingPages else { return }
        state.withLock { state in
            if state.images[path] != nil { change(&state.images[path, default: UnsyncedWrites(synced: [])]) }
        }
    }

    enum Step { case proceed, fail(WeirError) }

    func takeStep() -> Step {
        state.withLock { state in
            if state.isDead { return .fail(WeirError(.storage, "simulated crash")) }
            defer { state.steps += 1 }
            guard state.steps == failAt else { return .proceed }
            switch fault {
            case .crash:
                state.isDead = true
                return .fail(WeirError(.storage, "simulated crash"))
            case .outOfSpace: return .fail(WeirError(.outOfSpace, "cannot write: no space left on device"))
            }
        }
    }

    /// Takes one step on behalf of something that is not a file, such as a catalog.
    public func step() throws(WeirError) {
        if case .fail(let error) = takeStep() { throw error }
    }

    private func checkAlive() throws(WeirError) {
        if isDead { throw WeirError(.storage, "simulated crash") }
    }

    public func open(_ path: String, _ access: FileAccess) throws(WeirError) -> any OpenFile {
        if access == .read { try checkAlive() } else { try step() }
        let isNew = trackingPages && access != .read ? try real.status(path) == nil : false
        let file = try real.open(path, access)
        let size = try file.size()
        let isTracked = state.withLock { state in
            if access != .read, state.syncedSizes[path] == nil { state.syncedSizes[path] = size }
            if isNew { state.created.insert(path) }
            return state.images[path] != nil
        }
        if trackingPages, access != .read, isNew || !isTracked {
            let bytes = try file.read(count: Int(size), at: 0)
            state.withLock { $0.images[path] = UnsyncedWrites(synced: bytes) }
        }
        return FaultyFile(real: file, owner: self)
    }

    public func rename(_ path: String, to target: String) throws(WeirError) {
        try step()
        try real.rename(path, to: target)
        state.withLock { state in
            state.syncedSizes[target] = state.syncedSizes.removeValue(forKey: path)
            state.images[target] = state.images.removeValue(forKey: path)
        }
    }

    public func remove(_ path: String) throws(WeirError) {
        try step()
        try real.remove(path)
        state.withLock { state in
            state.syncedSizes[path] = nil
            state.images[path] = nil
            state.created.remove(path)
        }
    }

    public func list(_ directory: String) throws(WeirError) -> [FileEntry] {
        try checkAlive()
        return try real.list(directory)
    }

    public func status(_ path: String) throws(WeirError) -> FileStatus? {
        try checkAlive()
        return try real.status(path)
    }

    public func makeDirectories(_ path: String) throws(WeirError) {
        try step()
        try real.makeDirectories(path)
    }

    public func syncDirectory(_ path: String) throws(WeirError) {
        try step()
        state.withLock { state in state.created = state.created.filter { $0.parentDirectory != path } }
    }
}

final class FaultyFile: OpenFile {
    private let real: any OpenFile
    private let owner: FaultyFileSystem

    init(real: any OpenFile, owner: FaultyFileSystem) {
        self.real = real
        self.owner = owner
    }

    var path: String { real.path }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
        try real.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(WeirError) {
        guard case .fail(let error) = owner.takeStep() else {
            try real.write(bytes, at: offset)
            owner.track(path) { $0.write(Array(bytes), at: Int(offset)) }
            return
        }
        // A torn write: the first half reaches the file.
        let half = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])
        try? real.write(half, at: offset)
        owner.track(path) { $0.write(Array(half), at: Int(offset)) }
        throw error
    }

    func sync() throws(WeirError) {
        try owner.step()
        let size = try real.size()
        owner.state.withLock { $0.syncedSizes[path] = size }
        owner.track(path) { $0.sync() }
    }

    func truncate(to size: Int64) throws(WeirError) {
        try owner.step()
        try real.truncate(to: size)
        owner.state.withLock { $0.syncedSizes[path] = min(size, $0.syncedSizes[path] ?? size) }
        owner.track(path) { $0.truncate(to: Int(size)) }
    }

    func size() throws(WeirError) -> Int64 { try real.size() }
    func tryLock() throws(WeirError) -> Bool { try real.tryLock() }
    func close() { real.close() }
}
