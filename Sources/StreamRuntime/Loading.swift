import Bytes
import Foundation
import Synchronization

/// Something large that is being read on a thread of its own.
///
/// It belongs to no generation: one that ends before it is there leaves it to the next, so that a group that changes often
/// does not have it begun anew each time.
final class Loading<Value>: @unchecked Sendable {
    private let isCancelled = Atomic<Bool>(false)
    private let condition = Condition()
    // Protected by `condition`.
    private var outcome: Result<Value, WeirError>?

    private static var lookEvery: Duration { .milliseconds(20) }

    /// Begins.
    ///
    /// - Parameter work: calls what it is given now and then; what that throws ends it.
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

    /// Waits for it.
    ///
    /// - Parameter check: called now and then; what it throws ends the waiting and not the work.
    func value(check: () throws(WeirError) -> Void) throws(WeirError) -> Value {
        while true {
            try check()
            let outcome = condition.locked {
                if self.outcome == nil { condition.wait(atMost: Self.lookEvery) }
                return self.outcome
            }
            if let outcome { return try outcome.get() }
        }
    }

    /// Gives it up. The thread has ended when this returns.
    func cancel() {
        isCancelled.store(true, ordering: .relaxed)
        condition.locked { while outcome == nil { condition.wait() } }
    }
}
