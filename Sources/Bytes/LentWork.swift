import Synchronization

/// Work that threads do for a caller, who takes it back when they are done.
///
/// A thread frees what it was started with some time after it has said that it is done. What the work refers to, such as
/// a file with a lock, would stay as long.
final class LentWork: Sendable {
    private let body: Mutex<(@Sendable () -> Void)?>

    init(_ body: @escaping @Sendable () -> Void) { self.body = Mutex(body) }

    /// Does the work. Nothing of it stays with this thread afterwards.
    @inline(never)
    func callAsFunction() { body.withLock { $0 }?() }

    func takeBack() { body.withLock { $0 = nil } }
}
