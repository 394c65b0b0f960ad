import Foundation

/// A reproducible random generator (SplitMix64). Tests print its seed; `WEIR_SEED` replays one.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    public let seed: UInt64
    private var state: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        self.state = seed
    }

    /// The seeds of a test: the one in `WEIR_SEED`, otherwise `count` fixed ones, multiplied by `Soak`.
    public static func seeds(_ count: Int) -> [UInt64] { seeds(exactly: Soak.rounds(count)) }

    /// The one in `WEIR_SEED`, otherwise `count` fixed ones, whatever `Soak` says.
    public static func seeds(exactly count: Int) -> [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let text = environment["WEIR_SEED"], let seed = UInt64(text) { return [seed] }
        return (1...UInt64(count)).map { $0 &* 0x9e37_79b9 }
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
