import Bytes
import ObjectStorage
import Synchronization

/// Objects in memory on a machine that fails at a chosen step, which a faulty file system counts.
///
/// At the fatal step an object that is being written is torn in half. The objects stay when the machine starts again.
public final class FaultyStorage: ObjectStorage {
    public let objects: MemoryStorage
    private let files: Mutex<FaultyFileSystem>

    public init(_ objects: MemoryStorage) {
        self.objects = objects
        files = Mutex(FaultyFileSystem())
    }

    /// The machine starts again, and fails when `files` does.
    public func restart(_ files: FaultyFileSystem) { self.files.withLock { $0 = files } }

    private var machine: FaultyFileSystem { files.withLock { $0 } }

    private func checkAlive() throws(WeirError) {
        if machine.isDead { throw WeirError(.storage, "simulated crash") }
    }

    public func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) {
        do throws(WeirError) {
            try machine.step()
        } catch {
            try? objects.putNew(path, Array(bytes.prefix(bytes.count / 2)))
            throw error
        }
        try objects.putNew(path, bytes)
    }

    public func create(_ path: String) throws(WeirError) -> any ObjectWriter {
        try checkAlive()
        return Writer(self, path)
    }

    public func open(_ path: String) throws(WeirError) -> any ObjectReader {
        try checkAlive()
        return try objects.open(path)
    }

    public func exists(_ path: String) throws(WeirError) -> Bool {
        try checkAlive()
        return try objects.exists(path)
    }

    public func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] {
        try checkAlive()
        return try objects.list(prefix)
    }

    public func delete(_ path: String) throws(WeirError) {
        try machine.step()
        try objects.delete(path)
    }

    private final class Writer: ObjectWriter {
        private let storage: FaultyStorage
        private let path: String
        private let bytes = Mutex<[UInt8]>([])

        init(_ storage: FaultyStorage, _ path: String) { (self.storage, self.path) = (storage, path) }

        var count: Int64 { bytes.withLock { Int64($0.count) } }

        func write(_ more: UnsafeRawBufferPointer) throws(WeirError) { bytes.withLock { $0.append(contentsOf: more) } }

        func finish() throws(WeirError) { try storage.putNew(path, bytes.withLock { $0 }) }

        func abandon() {}
    }
}
