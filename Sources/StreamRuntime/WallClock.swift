import Foundation

/// The wall clock, for times that people and other programs see. It may be set, so waits and periods use `RunClock`.
enum WallClock {
    /// Since 1970.
    @Sendable
    static func milliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
