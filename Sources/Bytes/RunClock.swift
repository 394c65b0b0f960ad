import Foundation

/// The time of periods and timeouts. It only goes forward, at its own pace, whatever is done to the wall clock; tests move
/// it by hand.
public struct RunClock: Sendable {
    public typealias Instant = ContinuousClock.Instant

    private let read: @Sendable () -> Instant
    /// How long a thread sleeps at most before it looks again; nil for a clock that goes at the pace of sleeping threads.
    private let lookAgain: Duration?

    /// - Parameter lookAgain: how long a thread sleeps at most before it reads the clock again.
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

    /// How long a thread that waits until then sleeps before it looks again; nil when the time has come.
    public func sleep(until deadline: Instant) -> Duration? {
        let left = deadline - now
        guard left > .zero else { return nil }
        return lookAgain.map { min($0, left) } ?? left
    }

    /// Blocks the thread so long, or until that is so, which is asked every few milliseconds.
    public func pause(for time: Duration, unless isOver: () -> Bool = { false }) {
        let deadline = now + time
        while !isOver(), let left = sleep(until: deadline) {
            let microseconds = min(left, .milliseconds(20)).components.attoseconds / 1_000_000_000_000
            usleep(UInt32(max(100, microseconds)))
        }
    }
}
