/// The secret seed of key hashes.
///
/// Keys come from outside. With a predictable hash, someone could choose keys that all collide in one slot or share a
/// fingerprint. The process therefore draws a random seed. Nothing that depends on it may be stored or sent, and it
/// must not decide where rows are placed (`KeyHash` does that).
public struct KeySeed: Sendable {
    @usableFromInline let first: UInt64
    @usableFromInline let second: UInt64

    /// The seed of this process.
    public static let process: KeySeed = {
        var random = SystemRandomNumberGenerator()
        return KeySeed(using: &random)
    }()

    public init(using random: inout some RandomNumberGenerator) {
        first = random.next()
        // Used as a factor; an odd factor loses no information.
        second = random.next() | 1
    }
}
