import Bytes
import Foundation
import Synchronization

/// The system's clock with jumps forward, as after a machine was suspended, and a wall clock that is also set.
public final class SkippingClock: Sendable {
    private let skipped = Mutex(Duration.zero)
    private let set = Mutex<Int64>(0)

    public init() {}

    public func skip(_ time: Duration) { skipped.withLock { $0 += time } }

    /// Sets the wall clock forward, or back if negative, from what it shows.
    public func setWall(by milliseconds: Int64) { set.withLock { $0 += milliseconds } }

    /// Milliseconds since 1970 by the wall clock.
    public var wallMilliseconds: Int64 {
        let skipped = skipped.withLock { $0 }.components
        let system = Int64(Date().timeIntervalSince1970 * 1000)
        return system + skipped.seconds * 1000 + skipped.attoseconds / 1_000_000_000_000_000 + set.withLock { $0 }
    }

    public var clock: RunClock {
        RunClock(lookAgain: .milliseconds(5)) { [self] in .now + skipped.withLock { $0 } }
    }
}
