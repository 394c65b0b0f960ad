import Foundation

/// How much more tests do than in `make test`: as many times as `WEIR_SOAK` says, which `make soak` sets.
public enum Soak {
    /// 1 without `WEIR_SOAK`.
    public static let factor = max(1, ProcessInfo.processInfo.environment["WEIR_SOAK"].flatMap { Int($0) } ?? 1)

    /// Rounds of random work, kills, outages, mutations.
    public static func rounds(_ count: Int) -> Int { count * factor }

    /// A sweep over steps that takes every `stride`-th one of them.
    public static func stride(_ stride: Int) -> Int { max(1, stride / factor) }
}
