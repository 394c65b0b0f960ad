import Foundation
import Testing

/// Runs the tests of a suite on a few threads that only such suites use.
///
/// It is for tests that mostly wait: for processes, brokers and timers. Swift's own threads are as many as the machine
/// has cores. A test that waits on one of them leaves a core idle, and the next test of a serialized suite gets one only
/// after all others that have been started, so that serialized suites come to their end long after everything else.
public struct WaitingLane: SuiteTrait, TestScoping {
    public func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(WaitingThreads.shared, operation: function)
    }
}

extension Trait where Self == WaitingLane {
    /// The suite's tests mostly wait, so they do it on threads of their own.
    public static var mostlyWaits: Self { Self() }
}

private final class WaitingThreads: TaskExecutor {
    static let shared = WaitingThreads()
    private let queue = OperationQueue()

    private init() {
        queue.name = "tests that mostly wait"
        queue.maxConcurrentOperationCount = 3
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.addOperation { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
