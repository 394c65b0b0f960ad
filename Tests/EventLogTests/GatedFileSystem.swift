import Bytes
import Foundation
import ObjectStorage

/// A file system whose syncs wait while its gate is closed.
final class GatedFileSystem: FileSystem, @unchecked Sendable {
    private let real = LocalFileSystem()
    private let condition = NSCondition()
    // Protected by the condition.
    private var isClosed = false
    private var waiting = 0
    private var count = 0

    /// The number of syncs that have returned.
    var syncs: Int { condition.withLock { count } }

    func closeGate() { condition.withLock { isClosed = true } }

    func openGate() {
        condition.withLock {
            isClosed = false
            condition.broadcast()
        }
    }

    /// Blocks until a sync waits at the gate, or until a timeout; the test's checks then fail.
    func waitForSync() {
        condition.withLock {
            let deadline = Date(timeIntervalSinceNow: 10)
            while waiting == 0, condition.wait(until: deadline) {}
        }
    }

    func pass() {
        condition.withLock {
            waiting += 1
            condition.broadcast()
            while isClosed { condition.wait() }
            waiting -= 1
            count += 1
        }
    }

    func open(_ path: String, _ access: FileAccess) throws(WeirError) -> any OpenFile {
        GatedFile(real: try real.open(path, access), owner: self)
    }
    func rename(_ path: String, to target: String) throws(WeirError) { try real.rename(path, to: target) }
    func remove(_ path: String) throws(WeirError) { try real.remove(path) }
    func list(_ directory: String) throws(WeirError) -> [FileEntry] { try real.list(directory) }
    func status(_ path: String) throws(WeirError) -> FileStatus? { try real.status(path) }
    func makeDirectories(_ path: String) throws(WeirError) { try real.makeDirectories(path) }
    func syncDirectory(_ path: String) throws(WeirError) { try real.syncDirectory(path) }
}

private final class GatedFile: OpenFile {
    let real: any OpenFile
    let owner: GatedFileSystem

    init(real: any OpenFile, owner: GatedFileSystem) {
        self.real = real
        self.owner = owner
    }

    var path: String { real.path }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
        try real.read(into: buffer, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(WeirError) {
        try real.write(bytes, at: offset)
    }
    func sync() throws(WeirError) {
        owner.pass()
        try real.sync()
    }
    func truncate(to size: Int64) throws(WeirError) { try real.truncate(to: size) }
    func size() throws(WeirError) -> Int64 { try real.size() }
    func tryLock() throws(WeirError) -> Bool { try real.tryLock() }
    func close() { real.close() }
}
