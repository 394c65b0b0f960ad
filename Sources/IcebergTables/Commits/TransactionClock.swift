import Foundation

/// A transaction's source of time, sleep and randomness; tests replace it.
public struct TransactionClock: Sendable {
    /// Milliseconds since 1970.
    public let nowMs: @Sendable () -> Int64
    /// Sleeps for a number of milliseconds.
    public let sleep: @Sendable (Int64) -> Void
    public let random: @Sendable () -> UInt64

    public init(
        nowMs: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Int64) -> Void,
        random: @escaping @Sendable () -> UInt64
    ) {
        self.nowMs = nowMs
        self.sleep = sleep
        self.random = random
    }

    public static let system = TransactionClock(
        nowMs: { Int64(Date().timeIntervalSince1970 * 1000) },
        sleep: { Thread.sleep(forTimeInterval: Double($0) / 1000) },
        random: { UInt64.random(in: 0...UInt64.max) }
    )
}
