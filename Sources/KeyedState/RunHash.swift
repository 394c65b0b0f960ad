/// The number that orders the entries of a run. It spreads evenly and is different for different fingerprints, so an
/// entry need not store its key as well.
protocol RunHash: FixedWidthInteger, UnsignedInteger, BitwiseCopyable, Sendable {
    /// The hash of a key fingerprint.
    static func of(_ fingerprint: Self, _ seed: KeySeed) -> Self
    /// The key fingerprint that has this hash.
    func fingerprint(_ seed: KeySeed) -> Self
    /// The leading 64 bits.
    var top: UInt64 { get }
}

extension UInt64: RunHash {
    /// A keyed permutation: every step can be undone, so no two keys share a hash.
    @inline(__always)
    static func of(_ fingerprint: UInt64, _ seed: KeySeed) -> UInt64 {
        var hash = (fingerprint ^ seed.first) &* seed.second
        hash = (hash ^ (hash >> 32)) &* 0x9e37_79b9_7f4a_7c15
        hash = (hash ^ (hash >> 29)) &* 0xbf58_476d_1ce4_e5b9
        return hash ^ (hash >> 32)
    }

    func fingerprint(_ seed: KeySeed) -> UInt64 {
        var hash = (self ^ (self >> 32)) &* Self.inverse(of: 0xbf58_476d_1ce4_e5b9)
        hash = (hash ^ (hash >> 29) ^ (hash >> 58)) &* Self.inverse(of: 0x9e37_79b9_7f4a_7c15)
        hash = (hash ^ (hash >> 32)) &* Self.inverse(of: seed.second)
        return hash ^ seed.first
    }

    /// The number whose product with an odd number is one.
    private static func inverse(of odd: UInt64) -> UInt64 {
        // Right in three bits; each step doubles them.
        var inverse = odd
        for _ in 0..<5 { inverse = inverse &* (2 &- odd &* inverse) }
        return inverse
    }

    @inline(__always)
    var top: UInt64 { self }
}

extension UInt128: RunHash {
    /// Wide fingerprints are hashes already.
    @inline(__always)
    static func of(_ fingerprint: UInt128, _ seed: KeySeed) -> UInt128 { fingerprint }

    func fingerprint(_ seed: KeySeed) -> UInt128 { self }

    @inline(__always)
    var top: UInt64 { UInt64(truncatingIfNeeded: self >> 64) }
}

/// One key of a map and its place.
struct RunEntry<Hash: RunHash>: BitwiseCopyable, Sendable {
    var hash: Hash
    var place: KeyPlace
}
