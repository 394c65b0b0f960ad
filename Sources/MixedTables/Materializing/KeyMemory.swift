import Synchronization

/// The memory that the key indexes of a run share.
///
/// Each index may always use an equal part. What some leave of theirs, others may use.
public final class KeyMemory: Sendable {
    let bytes: Int
    /// Bytes that each index takes, as it said last.
    private let used = Mutex<[Int]>([])

    public init(bytes: Int) { self.bytes = bytes }

    /// Takes in one more index, and returns its number.
    func join() -> Int {
        used.withLock { used in
            used.append(0)
            return used.count - 1
        }
    }

    /// Notes what an index takes.
    ///
    /// - Returns: bytes that it may take.
    @discardableResult
    func note(_ member: Int, _ taken: Int) -> Int {
        used.withLock { used in
            used[member] = taken
            let others = used.reduce(0, +) - taken
            return max(bytes / used.count, bytes - others)
        }
    }
}
