import Bytes
import Foundation
import Synchronization

/// A pool of read buffers. A buffer returns to the pool when the last batch that shares it is freed. Fresh memory costs
/// a page fault per 4 KiB, which is more expensive than reading the bytes.
package final class ArenaPool: Sendable {
    private struct Memory: @unchecked Sendable {
        let base: UnsafeMutableRawPointer
        let capacity: Int
    }

    /// Keeps the memory out of the pool until the last buffer over it is freed.
    private final class Lease: Sendable {
        let memory: Memory
        let pool: ArenaPool

        init(_ memory: Memory, _ pool: ArenaPool) {
            self.memory = memory
            self.pool = pool
        }

        deinit { pool.giveBack(memory) }
    }

    private static let pooledMax = 8
    private static let pooledBytesMax = 16 << 20
    private let free = Mutex<[Memory]>([])

    package init() {}

    deinit { for memory in free.withLock({ $0 }) { Foundation.free(memory.base) } }

    /// Returns a buffer of at least `capacity` bytes filled by `fill`, which returns the number of valid bytes.
    package func buffer<Failure: Error>(
        capacity: Int,
        _ fill: (UnsafeMutableRawPointer) throws(Failure) -> Int
    ) throws(Failure) -> Buffer {
        let memory =
            free.withLock { free in
                free.firstIndex { $0.capacity >= capacity }.map { free.remove(at: $0) }
            } ?? allocate(capacity)
        let lease = Lease(memory, self)
        let count = try fill(memory.base)
        return Buffer(base: UnsafeRawPointer(memory.base), count: count, owner: lease)
    }

    private func allocate(_ capacity: Int) -> Memory {
        let rounded = (capacity + 4095) & ~4095
        guard let base = aligned_alloc(64, rounded) else { fatalError("out of memory allocating \(rounded) bytes") }
        return Memory(base: base, capacity: rounded)
    }

    private func giveBack(_ memory: Memory) {
        let kept = free.withLock { free in
            guard free.count < Self.pooledMax, memory.capacity <= Self.pooledBytesMax else { return false }
            free.append(memory)
            return true
        }
        if !kept { Foundation.free(memory.base) }
    }
}
