import Bytes
import Foundation
import Synchronization

/// A large value that is loaded on its own thread.
///
/// It is not tied to a generation: one that ends before the load leaves it to the next, so that frequent group changes
/// do not restart it.
final class Loading<Value>: @unchecked Sendable {
    private let isCancelled = Atomic<Bool>(false)
    private let condition = Condition()
    // Protected by `condition`.
    private var outcome: Result<Value, WeirError>?

    private static var lookEvery: Duration { .milliseconds(20) }

    /// Starts the load.
    ///
    /// - Parameter work: must call its argument periodically; an error that this throws ends the work.
    init(_ work: @escaping @Sendable (_ check: () throws(WeirError) -> Void) throws(WeirError) -> Value) {
        let thread = Thread { [self] in
            let result = Result { () throws(WeirError) -> Value in
                try work { () throws(WeirError) in
                    if isCancelled.load(ordering: .relaxed) { throw WeirError(.cancelled, "the run ends") }
                }
            }
            condition.locked {
                outcome = result
                condition.broadcast()
            }
        }
        thread.name = "weir-load"
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Waits for the end of the load.
    ///
    /// - Parameter check: called periodically; an error that it throws ends the wait, and is thrown. The load goes on.
    func outcome(check: () throws(WeirError) -> Void) throws(WeirError) -> Result<Value, WeirError> {
        while true {
            try check()
            let outcome = condition.locked {
                if self.outcome == nil { condition.wait(atMost: Self.lookEvery) }
                return self.outcome
            }
            if let outcome { return outcome }
        }
    }

    /// Cancels the load. The thread has ended when this returns.
    func cancel() {
        isCancelled.store(true, ordering: .relaxed)
        condition.locked { while outcome == nil { condition.wait() } }
    }
}
