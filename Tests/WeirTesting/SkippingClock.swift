import Bytes
import Synchronization

/// The system's clock with jumps forward, as after a machine was suspended.
public final class SkippingClock: Sendable {
    private let skipped = Mutex(Duration.zero)

    public init() {}

    public func skip(_ time: Duration) { skipped.withLock { $0 += time } }

    public var clock: RunClock {
        RunClock(lookAgain: .milliseconds(5)) { [self] in .now + skipped.withLock { $0 } }
    }
}
