/// The secret part of key hashes.
///
/// Keys come from outside. With a hash that everybody can compute, keys can be chosen that all meet in one slot of a table,
/// or that share a fingerprint. The process therefore draws its own seed; nothing that depends on it may be stored or
/// sent, and no row may be placed by it (`KeyHash` does that).
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
        // A factor; an odd one loses nothing of what it multiplies.
        second = random.next() | 1
    }
}
