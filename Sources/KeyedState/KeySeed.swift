/// The secret seed of key hashes.
///
/// Keys come from outside. With a predictable hash, someone could choose keys that all collide in one slot or share a
/// fingerprint. The process therefore draws a random seed. A map that is saved has its seed beside it (`StateFolder`).
/// The seed must not decide where rows are placed (`KeyHash` does that).
public struct KeySeed: Equatable, Sendable {
    @usableFromInline let first: UInt64
    @usableFromInline let second: UInt64

    /// The seed of this process.
    public static let process: KeySeed = {
        var random = SystemRandomNumberGenerator()
        return KeySeed(using: &random)
    }()

    init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second | 1
    }

    /// A number that tells seeds apart and does not reveal them.
    var mark: UInt64 { UInt64.of(UInt64.of(0x6b65_7973, self), KeySeed(first: second, second: first)) }

    public init(using random: inout some RandomNumberGenerator) {
        first = random.next()
        // Used as a factor; an odd factor loses no information.
        second = random.next() | 1
    }
}
