import Bytes
import Synchronization

/// Readers for many objects, of which only a limited number are open at a time. A reader that was closed is opened
/// again on its next read, unnoticed by the caller; objects do not change under their name.
public final class ReaderPool: Sendable {
    private struct State {
        var open: [Int: (reader: any ObjectReader, lastUse: UInt64)] = [:]
        var nextNumber = 0
        var clock: UInt64 = 0

        /// Closes the least recently used readers until one more fits.
        mutating func makeRoom(_ openMax: Int) {
            while open.count >= openMax, let idle = open.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                open[idle.key] = nil
            }
        }

        mutating func keep(_ reader: any ObjectReader, _ number: Int) {
            clock += 1
            open[number] = (reader, clock)
        }
    }

    private let storage: any ObjectStorage
    private let openMax: Int
    private let state = Mutex(State())

    /// - Parameter openMax: objects open at a time; each thread inside a read may hold one more open.
    public init(_ storage: any ObjectStorage, openMax: Int) {
        precondition(openMax > 0, "a pool holds at least one reader")
        self.storage = storage
        self.openMax = openMax
    }

    public func open(_ path: String) throws(WeirError) -> any ObjectReader {
        state.withLock { $0.makeRoom(openMax) }
        let reader = try storage.open(path)
        let number = state.withLock { state in
            state.nextNumber += 1
            state.keep(reader, state.nextNumber)
            return state.nextNumber
        }
        return PooledReader(number, path: path, size: reader.size, self)
    }

    fileprivate func read(
        _ object: PooledReader,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(WeirError) -> Int {
        let known = state.withLock { state in
            let known = state.open.removeValue(forKey: object.number)?.reader
            if known == nil { state.makeRoom(openMax) }
            return known
        }
        let reader: any ObjectReader
        if let known {
            reader = known
        } else {
            reader = try storage.open(object.path)
            guard reader.size == object.size else {
                throw WeirError(.corrupt, "the file changed its size while it was read", at: object.path)
            }
        }
        defer { state.withLock { $0.keep(reader, object.number) } }
        return try reader.read(into: buffer, at: offset)
    }

    fileprivate func close(_ number: Int) {
        state.withLock { $0.open[number] = nil }
    }
}

private final class PooledReader: ObjectReader {
    let number: Int
    let path: String
    let size: Int64
    private let pool: ReaderPool

    init(_ number: Int, path: String, size: Int64, _ pool: ReaderPool) {
        self.number = number
        self.path = path
        self.size = size
        self.pool = pool
    }

    deinit { pool.close(number) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
        try pool.read(self, into: buffer, at: offset)
    }
}
