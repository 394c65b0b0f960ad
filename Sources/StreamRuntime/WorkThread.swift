import Bytes
import Foundation

/// A thread that runs jobs in order from a queue with a byte budget. It ends after the first job that fails.
final class WorkThread<Job: Sendable>: @unchecked Sendable {
    private let name: String
    private let queue: BatchQueue<Job>
    private let work: (Job) throws(WeirError) -> Void
    private let idle = NSCondition()
    // Protected by `idle`.
    private var pending = 0
    private var failure: WeirError?
    private var isRunning = false

    /// - Parameter work: called on the thread only.
    init(name: String, bytesMax: Int, work: @escaping (Job) throws(WeirError) -> Void) {
        self.name = name
        self.work = work
        queue = BatchQueue(bytesMax: bytesMax)
    }

    func start() {
        isRunning = true
        let thread = Thread { [self] in run() }
        thread.name = name
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Queues a job; waits for room. Fails when an earlier job failed.
    func submit(_ job: Job, bytes: Int) throws(WeirError) {
        try check()
        idle.lock()
        pending += 1
        idle.unlock()
        if !queue.put(job, bytes: bytes) { try check() }
    }

    /// Waits until every queued job is done.
    func drain() throws(WeirError) {
        idle.lock()
        while pending > 0 && failure == nil { idle.wait() }
        idle.unlock()
        try check()
    }

    /// Ends the queue, and waits until all queued jobs are done and the thread has ended.
    func finish() {
        queue.finish()
        join()
    }

    /// Drops the queued jobs, and waits for the job under way.
    func cancel() {
        queue.cancel()
        join()
    }

    func check() throws(WeirError) {
        idle.lock()
        defer { idle.unlock() }
        if let failure { throw failure }
    }

    private func join() {
        idle.lock()
        while isRunning { idle.wait() }
        idle.unlock()
    }

    private func run() {
        defer {
            idle.lock()
            isRunning = false
            idle.broadcast()
            idle.unlock()
        }
        while case .element(let job) = queue.take() {
            var failed: WeirError?
            do throws(WeirError) { try work(job) } catch { failed = error }
            idle.lock()
            pending -= 1
            failure = failed
            idle.broadcast()
            idle.unlock()
            if failed != nil { return queue.cancel() }
        }
    }
}
