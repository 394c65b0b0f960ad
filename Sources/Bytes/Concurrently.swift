import Foundation
import Synchronization

/// Runs blocking work, such as requests to brokers, for several elements at once, and returns when all of it is done.
///
/// At most eight elements are processed at a time, each on its own thread. Fails with the error of the first element
/// that failed; the work of the other elements still runs.
public func concurrently<Element: Sendable, Outcome: Sendable>(
    _ elements: [Element],
    _ work: @escaping @Sendable (Element) throws(WeirError) -> Outcome
) throws(WeirError) -> [Outcome] {
    let outcomes = Mutex([Result<Outcome, WeirError>?](repeating: nil, count: elements.count))
    let next = Atomic(0)
    let workers = DispatchGroup()
    @Sendable func workOff() {
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < elements.count else { return }
            let outcome = Result { () throws(WeirError) in try work(elements[index]) }
            outcomes.withLock { $0[index] = outcome }
        }
    }
    let lent = LentWork(workOff)
    for _ in 1..<max(1, min(8, elements.count)) {
        workers.enter()
        Thread.detachNewThread {
            lent()
            workers.leave()
        }
    }
    workOff()
    workers.wait()
    lent.takeBack()
    var results: [Outcome] = []
    for outcome in outcomes.withLock({ $0 }) {
        // All workers have finished, so every outcome is set.
        if let outcome { results.append(try outcome.get()) }
    }
    return results
}
