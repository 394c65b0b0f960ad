import Foundation
import Synchronization

/// Like `concurrently(_:_:)`, for long work that may be ended: this thread watches, and others work.
///
/// - Parameters:
///   - check: called by this thread before the work and periodically during it. After it threw, no other element begins,
///     and its error is the outcome.
///   - work: calls `stop` for each part of its work. That throws once the work is to end.
public func concurrently<Element: Sendable, Outcome: Sendable>(
    _ elements: [Element],
    check: () throws(WeirError) -> Void,
    _ work: @escaping @Sendable (Element, _ stop: () throws(WeirError) -> Void) throws(WeirError) -> Outcome
) throws(WeirError) -> [Outcome] {
    if elements.isEmpty { return [] }
    try check()
    let isOver = Atomic(false)
    let done = DispatchSemaphore(value: 0)
    let outcome = Mutex<Result<[Outcome], WeirError>?>(nil)
    let lent = LentWork {
        let result = Result { () throws(WeirError) in
            try concurrently(elements) { (element) throws(WeirError) in
                func stop() throws(WeirError) {
                    if isOver.load(ordering: .relaxed) { throw WeirError(.cancelled, "the work was ended") }
                }
                try stop()
                return try work(element, stop)
            }
        }
        outcome.withLock { $0 = result }
    }
    let thread = Thread {
        lent()
        done.signal()
    }
    thread.stackSize = 4 << 20
    thread.start()
    var failure: WeirError?
    while done.wait(timeout: .now() + .milliseconds(20)) == .timedOut {
        guard failure == nil else { continue }
        do throws(WeirError) {
            try check()
        } catch {
            failure = error
            isOver.store(true, ordering: .relaxed)
        }
    }
    lent.takeBack()
    if let failure { throw failure }
    return try outcome.withLock { $0 }?.get() ?? []
}
