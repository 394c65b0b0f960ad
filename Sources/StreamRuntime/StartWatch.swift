import Bytes
import Foundation
import Synchronization

/// Listens to the groups and to the wish to stop while a generation is being started, which may take long.
///
/// A group gives the partitions of a member away that does not answer in time; what is loaded for them is then in vain.
final class StartWatch: Sendable {
    private static let lookMilliseconds = 20

    private let isInterrupted = Atomic<Bool>(false)
    private let failure = Mutex<WeirError?>(nil)
    private let over = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Begins to listen, on a thread of its own.
    ///
    /// - Parameters:
    ///   - groups: used by nobody else until `end` returns.
    ///   - stopping: asked now and then.
    init(_ groups: SourceGroups, stopping: @escaping @Sendable () -> Bool) {
        let thread = Thread { [self] in
            repeat {
                do throws(WeirError) {
                    let isChanging = try groups.isChanging()
                    if isChanging || stopping() { isInterrupted.store(true, ordering: .relaxed) }
                } catch {
                    failure.withLock { $0 = error }
                    isInterrupted.store(true, ordering: .relaxed)
                }
            } while over.wait(timeout: .now() + .milliseconds(Self.lookMilliseconds)) == .timedOut
            ended.signal()
        }
        thread.name = "weir-start"
        thread.start()
    }

    /// Fails with `cancelled` when the start is in vain.
    func check() throws(WeirError) {
        guard isInterrupted.load(ordering: .relaxed) else { return }
        if let failure = failure.withLock({ $0 }) { throw failure }
        throw WeirError(.cancelled, "the start of a generation was interrupted")
    }

    /// Stops listening. Called once.
    func end() {
        over.signal()
        ended.wait()
    }
}
