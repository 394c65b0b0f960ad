import CLinux

/// CRC-32C (Castagnoli), the checksum of Kafka record batches.
public enum CRC32C {
    /// The checksum of `bytes`, or of earlier bytes with the checksum `previous` followed by `bytes`.
    @inline(__always)
    public static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return weir_crc32c(previous, base, bytes.count)
    }

    /// The same checksum without special instructions, for processors without SSE 4.2 and for tests.
    static func portableChecksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return weir_crc32c_portable(previous, base, bytes.count)
    }
}
