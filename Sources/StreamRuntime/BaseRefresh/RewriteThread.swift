import Bytes
import Foundation
import MixedTables

/// Writes files of base anew on a thread of its own, one rewrite at a time: what moves changes into base goes on beside it
/// and commits the result.
final class RewriteThread: @unchecked Sendable {
    struct Job: Sendable {
        let table: Int
        /// The state that the files are of.
        let state: MixedTable
        let tasks: [BaseRewrite.Task]
        let targetBytes: Int64
        let threads: Int
    }

    enum Result {
        case done(BaseRewrite)
        case failed(WeirError)
    }

    private let condition = Condition()
    private let onEnd: @Sendable () -> Void
    // Protected by `condition`.
    private var job: Job?
    private var result: (job: Job, result: Result)?
    private var isCancelled = false
    private var isAlive = false

    /// - Parameter onEnd: called on the thread when a rewrite has ended.
    init(onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }

    /// The table that is worked on, until its result was taken.
    var table: Int? { condition.locked { job?.table ?? result?.job.table } }
    var hasResult: Bool { condition.locked { result != nil } }

    /// Begins a rewrite. Nothing else may be under way.
    func begin(_ job: Job) {
        condition.locked {
            precondition(self.job == nil && result == nil, "a rewrite is under way")
            (self.job, isCancelled, isAlive) = (job, false, true)
        }
        let thread = Thread { [self] in
            // After reading, committing and moving changes.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15)
            run(job)
        }
        thread.name = "weir-rewrite"
        thread.stackSize = 4 << 20
        thread.start()
    }

    private func run(_ job: Job) {
        let result: Result
        do throws(WeirError) {
            result = .done(
                try BaseRewrite.run(
                    job.tasks,
                    of: job.state,
                    targetBytes: job.targetBytes,
                    threads: job.threads,
                    check: { () throws(WeirError) in
                        if condition.locked({ isCancelled }) { throw WeirError(.cancelled, "the run ends") }
                    }
                )
            )
        } catch {
            result = .failed(error)
        }
        condition.locked {
            (self.job, self.result) = (nil, (job, result))
            isAlive = false
            condition.broadcast()
        }
        onEnd()
    }

    /// What has ended, once.
    func take() -> (job: Job, result: Result)? {
        condition.locked {
            defer { result = nil }
            return result
        }
    }

    /// Ends the rewrite under way and removes its files. It ends at its next batch; one whose disk hangs is left alone
    /// after some time, as after a crash.
    func cancel(within patience: Duration) {
        let deadline = ContinuousClock.now + patience
        condition.locked {
            isCancelled = true
            while isAlive, ContinuousClock.now < deadline { condition.wait(atMost: .milliseconds(50)) }
        }
        if let ended = take(), case .done(let rewrite) = ended.result { rewrite.discard(from: ended.job.state) }
    }
}
