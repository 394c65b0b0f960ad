/// Kafka's default partitioner (murmur2), so that all producers send records of one key to the same partition.
public enum KeyPartitioner {
    /// The partition of a key among `count` partitions.
    public static func partition(of key: UnsafeRawBufferPointer, count: Int) -> Int {
        Int(murmur2(key) & 0x7fff_ffff) % count
    }

    static func murmur2(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        let whole = bytes.count & ~3
        for start in stride(from: 0, to: whole, by: 4) {
            var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)) &* multiplier
            word ^= word >> 24
            hash = (hash &* multiplier) ^ (word &* multiplier)
        }
        if bytes.count > whole {
            for index in (whole..<bytes.count).reversed() {
                hash ^= UInt32(bytes[index]) << UInt32(8 * (index - whole))
            }
            hash = hash &* multiplier
        }
        hash = (hash ^ (hash >> 13)) &* multiplier
        return hash ^ (hash >> 15)
    }
}
