import Bytes
import ObjectStorage
import Synchronization

/// A file system that fails at a chosen step, like a crashed process or machine.
///
/// Syncs are only recorded and not executed, because they would take most of a test's time.
///
/// Every call that changes something is one step. At the fatal step a write is torn in half, and every later call
/// fails. `loseUnsynced()` then removes what was written but never synced. The test restarts on the real files.
///
/// On a real device any of the pages written since the last sync may have reached it, in any order. With
/// `trackingPages` the file system tracks them, and `loseUnsynced(pageBytes:using:)` draws which pages remain.
public final class FaultyFileSystem: FileSystem {
    /// The kind of failure at the fatal step.
    public enum Fault: Sendable {
        /// A crash: this call and all later ones fail.
        case crash
        /// A full disk: this call fails; later ones work.
        case outOfSpace
    }

    struct State {
        var steps = 0
        var isDead = false
        var hasFailed = false
        /// The fatal step; nil for none.
        var failAt: Int?
        var fault = Fault.crash
        /// What happens before a step; before each one if the step is nil.
        var interruption: (step: Int?, body: @Sendable () -> Void)?
        /// The size of each file at its last sync.
        var syncedSizes: [String: Int64] = [:]
        /// The synced content of each file and the writes since; only when pages are tracked.
        var images: [String: UnsyncedWrites] = [:]
        /// Files created since the last sync of their directory.
        var created: Set<String> = []
    }

    private let real = LocalFileSystem()
    private let trackingPages: Bool
    let state: Mutex<State>

    /// - Parameter failAt: the fatal step, counted from 0; nil for none.
    public init(failAt: Int? = nil, fault: Fault = .crash, trackingPages: Bool = false) {
        var state = State()
        (state.failAt, state.fault) = (failAt, fault)
        self.state = Mutex(state)
        self.trackingPages = trackingPages
    }

    /// Steps taken so far. A run without a fault gives the number of steps to sweep.
    public var steps: Int { state.withLock { $0.steps } }
    public var isDead: Bool { state.withLock { $0.isDead } }
    /// Whether a fatal step was reached.
    public var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// Fails once `count` more steps are taken.
    public func fail(after count: Int, _ fault: Fault) {
        state.withLock { state in (state.failAt, state.fault) = (state.steps + count, fault) }
    }

    /// Truncates every file to its last sync: a power failure instead of a killed process.
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

    /// Keeps a random part of unsynced writes: each page as of the last sync or any write since, each file with any of
    /// its lengths since, and each new file or not.
    ///
    /// - Parameter pageBytes: the unit of atomic writes. Small units make many holes in small files.
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

    /// Does something before a step, or before each one if `step` is nil: another process may commit meanwhile.
    public func interrupt(before step: Int?, _ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.interruption = (step, body) }
    }

    public func endInterruptions() { state.withLock { $0.interruption = nil } }

    func track(_ path: String, _ change: (inout UnsyncedWrites) -> Void) {
        guard trackingPages else { return }
        state.withLock { state in
            if state.images[path] != nil { change(&state.images[path, default: UnsyncedWrites(synced: [])]) }
        }
    }

    enum Step { case proceed, fail(WeirError) }

    func takeStep() -> Step {
        let interruption = state.withLock { state in
            state.interruption.flatMap { $0.step ?? state.steps == state.steps ? $0.body : nil }
        }
        interruption?()
        return state.withLock { state in
            if state.isDead { return .fail(WeirError(.storage, "simulated crash")) }
            defer { state.steps += 1 }
            guard state.steps == state.failAt else { return .proceed }
            state.hasFailed = true
            switch state.fault {
            case .crash:
                state.isDead = true
                return .fail(WeirError(.storage, "simulated crash"))
            case .outOfSpace: return .fail(WeirError(.outOfSpace, "cannot write: no space left on device"))
            }
        }
    }

    /// Takes one step for an object that is not a file, such as a catalog.
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
