import Foundation

/// The factor by which tests do more work than in `make test`: `WEIR_SOAK`, which `make soak` sets.
public enum Soak {
    /// 1 without `WEIR_SOAK`.
    public static let factor = max(1, ProcessInfo.processInfo.environment["WEIR_SOAK"].flatMap { Int($0) } ?? 1)

    /// The number of rounds of random work, kills, outages or mutations.
    public static func rounds(_ count: Int) -> Int { count * factor }

    /// The step of a sweep that takes every `stride`-th step without `WEIR_SOAK`.
    public static func stride(_ stride: Int) -> Int { max(1, stride / factor) }
}
