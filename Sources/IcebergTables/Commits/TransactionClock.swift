import Foundation

/// A transaction's source of time, sleep and randomness; tests replace it.
public struct TransactionClock: Sendable {
    /// Milliseconds since 1970, for times in metadata. It may be set, forward and back.
    public let nowMs: @Sendable () -> Int64
    /// Milliseconds of a clock that nobody sets, for how long something has been tried.
    public let elapsedMs: @Sendable () -> Int64
    /// Sleeps for a number of milliseconds.
    public let sleep: @Sendable (Int64) -> Void
    public let random: @Sendable () -> UInt64

    /// - Parameter elapsedMs: nil where nobody sets `nowMs`.
    public init(
        nowMs: @escaping @Sendable () -> Int64,
        elapsedMs: (@Sendable () -> Int64)? = nil,
        sleep: @escaping @Sendable (Int64) -> Void,
        random: @escaping @Sendable () -> UInt64
    ) {
        self.nowMs = nowMs
        self.elapsedMs = elapsedMs ?? nowMs
        self.sleep = sleep
        self.random = random
    }

    private static let began = ContinuousClock.now

    public static let system = TransactionClock(
        nowMs: { Int64(Date().timeIntervalSince1970 * 1000) },
        elapsedMs: { Int64((ContinuousClock.now - began) / .milliseconds(1)) },
        sleep: { Thread.sleep(forTimeInterval: Double($0) / 1000) },
        random: { UInt64.random(in: 0...UInt64.max) }
    )
}
