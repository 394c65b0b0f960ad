import Bytes
import Synchronization

@testable import ObjectStorage

/// Objects in memory, for histories of many commits. Counts the calls, which tell what a commit costs on any machine.
public final class MemoryStorage: ObjectStorage {
    private struct State {
        var objects: [String: [UInt8]] = [:]
        /// Seconds since 1970.
        var modified: [String: Double] = [:]
        var calls = 0
        var writtenBytes = 0
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Double

    /// - Parameter now: the time of changes, seconds since 1970.
    public init(now: @escaping @Sendable () -> Double = { 0 }) { self.now = now }

    /// Calls so far that would reach a disk or a network.
    public var calls: Int { state.withLock { $0.calls } }
    public var writtenBytes: Int { state.withLock { $0.writtenBytes } }
    public var paths: [String] { state.withLock { Array($0.objects.keys) } }
    public var byteCount: Int { state.withLock { $0.objects.values.reduce(0) { $0 + $1.count } } }

    /// The objects, to be written elsewhere.
    public var objects: [String: [UInt8]] { state.withLock { $0.objects } }

    /// Removes what is not wanted any more, without counting it.
    public func keepOnly(_ isKept: (String) -> Bool) {
        state.withLock { state in state.objects = state.objects.filter { isKept($0.key) } }
    }

    public func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) {
        let isThere = state.withLock { state in
            state.calls += 1
            if state.objects[path] != nil { return true }
            state.objects[path] = bytes
            state.modified[path] = now()
            state.writtenBytes += bytes.count
            return false
        }
        if isThere { throw WeirError(.alreadyExists, "the object exists already", at: path) }
    }

    public func open(_ path: String) throws(WeirError) -> any ObjectReader {
        let bytes = state.withLock { state in
            state.calls += 1
            return state.objects[path]
        }
        guard let bytes else { throw WeirError(.notFound, "there is no such object", at: path) }
        return Reader(path, bytes)
    }

    public func exists(_ path: String) throws(WeirError) -> Bool { state.withLock { $0.objects[path] != nil } }

    public func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] {
        state.withLock { state in
            state.objects.filter { $0.key.hasPrefix(prefix) }.map { path, bytes in
                ObjectEntry(path: path, size: Int64(bytes.count), modified: state.modified[path] ?? 0)
            }
        }
    }

    public func delete(_ path: String) throws(WeirError) {
        state.withLock { state in
            state.calls += 1
            state.objects[path] = nil
        }
    }

    public func create(_ path: String) throws(WeirError) -> any ObjectWriter { Writer(self, path) }

    private final class Reader: ObjectReader {
        let path: String
        let size: Int64
        private let bytes: [UInt8]

        init(_ path: String, _ bytes: [UInt8]) {
            (self.path, self.bytes, size) = (path, bytes, Int64(bytes.count))
        }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
            let begin = Int(max(0, min(offset, size)))
            let count = min(buffer.count, bytes.count - begin)
            bytes.withUnsafeBytes { source in
                guard count > 0 else { return }
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[begin..<begin + count]))
            }
            return count
        }
    }

    private final class Writer: ObjectWriter {
        private let storage: MemoryStorage
        private let path: String
        private let bytes = Mutex<[UInt8]>([])

        init(_ storage: MemoryStorage, _ path: String) { (self.storage, self.path) = (storage, path) }

        var count: Int64 { bytes.withLock { Int64($0.count) } }

        func write(_ more: UnsafeRawBufferPointer) throws(WeirError) { bytes.withLock { $0.append(contentsOf: more) } }

        func finish() throws(WeirError) { try storage.putNew(path, bytes.withLock { $0 }) }

        func abandon() {}
    }
}
