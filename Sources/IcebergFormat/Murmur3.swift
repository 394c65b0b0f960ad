/// Murmur3, 32-bit x86 variant with seed 0: the hash of bucket transforms (spec appendix B).
enum Murmur3 {
    static func hash(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        var h: UInt32 = 0
        let blocks = bytes.count >> 2
        for block in 0..<blocks {
            h = round(h, UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: block << 2, as: UInt32.self)))
        }
        var tail: UInt32 = 0
        for index in (blocks << 2..<bytes.count).reversed() { tail = tail << 8 | UInt32(bytes[index]) }
        if bytes.count & 3 != 0 { h ^= scramble(tail) }
        return finish(h, UInt32(truncatingIfNeeded: bytes.count))
    }

    /// The hash of the eight little-endian bytes of a long.
    @inline(__always)
    static func hash(_ value: Int64) -> Int32 {
        let bits = UInt64(bitPattern: value)
        return finish(round(round(0, UInt32(truncatingIfNeeded: bits)), UInt32(truncatingIfNeeded: bits >> 32)), 8)
    }

    @inline(__always)
    private static func scramble(_ block: UInt32) -> UInt32 {
        let k = block &* 0xcc9e_2d51
        return (k << 15 | k >> 17) &* 0x1b87_3593
    }

    @inline(__always)
    private static func round(_ hash: UInt32, _ block: UInt32) -> UInt32 {
        let h = hash ^ scramble(block)
        return (h << 13 | h >> 19) &* 5 &+ 0xe654_6b64
    }

    @inline(__always)
    private static func finish(_ hash: UInt32, _ length: UInt32) -> Int32 {
        var h = hash ^ length
        h = (h ^ h >> 16) &* 0x85eb_ca6b
        h = (h ^ h >> 13) &* 0xc2b2_ae35
        return Int32(bitPattern: h ^ h >> 16)
    }
}
