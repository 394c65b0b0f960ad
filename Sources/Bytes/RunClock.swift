import Foundation

/// The clock for periods and timeouts. It only moves forward and does not follow changes of the wall clock. Tests
/// advance it by hand.
public struct RunClock: Sendable {
    public typealias Instant = ContinuousClock.Instant

    private let read: @Sendable () -> Instant
    /// The longest sleep of a waiting thread before it reads the clock again; nil for a clock that advances in real
    /// time.
    private let lookAgain: Duration?

    /// - Parameter lookAgain: the longest sleep of a waiting thread before it reads the clock again.
    public init(lookAgain: Duration, now read: @escaping @Sendable () -> Instant) {
        self.read = read
        self.lookAgain = lookAgain
    }

    private init() {
        read = { .now }
        lookAgain = nil
    }

    public static let system = RunClock()

    public var now: Instant { read() }

    /// How long a thread that waits for `deadline` sleeps before it reads the clock again; nil when the deadline has
    /// passed.
    public func sleep(until deadline: Instant) -> Duration? {
        let left = deadline - now
        guard left > .zero else { return nil }
        return lookAgain.map { min($0, left) } ?? left
    }

    /// Blocks the thread for `time`, or until `isOver` returns true. `isOver` is called at least every 20 ms.
    public func pause(for time: Duration, unless isOver: () -> Bool = { false }) {
        let deadline = now + time
        while !isOver(), let left = sleep(until: deadline) {
            let microseconds = min(left, .milliseconds(20)).components.attoseconds / 1_000_000_000_000
            usleep(UInt32(max(100, microseconds)))
        }
    }
}
