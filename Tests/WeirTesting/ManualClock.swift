import Bytes
import Synchronization

/// A clock that tests advance manually. Threads waiting for it notice within a millisecond.
public final class ManualClock: Sendable {
    private let time: Mutex<ContinuousClock.Instant>

    public init() { time = Mutex(.now) }

    public func advance(by step: Duration) { time.withLock { $0 = $0.advanced(by: step) } }

    public var clock: RunClock { RunClock(lookAgain: .milliseconds(1)) { [self] in time.withLock { $0 } } }
}
