import Bytes
import Foundation
import Synchronization

/// Polls the groups and the stop flag while a generation is being started, which may take long.
///
/// A group reassigns the partitions of a member that does not answer in time; what is loaded for them is then of no
/// use.
final class StartWatch: Sendable {
    private static let lookMilliseconds = 20

    private let isInterrupted = Atomic<Bool>(false)
    private let failure = Mutex<WeirError?>(nil)
    private let over = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// Starts polling on its own thread.
    ///
    /// - Parameters:
    ///   - groups: must not be used by another thread until `end` returns.
    ///   - stopping: called periodically.
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

    /// Fails with `cancelled` when the start was interrupted.
    func check() throws(WeirError) {
        guard isInterrupted.load(ordering: .relaxed) else { return }
        if let failure = failure.withLock({ $0 }) { throw failure }
        throw WeirError(.cancelled, "the start of a generation was interrupted")
    }

    /// Stops polling. Called once.
    func end() {
        over.signal()
        ended.wait()
    }
}
