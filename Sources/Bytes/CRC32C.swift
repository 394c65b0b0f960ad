import CLinux

/// CRC-32C (Castagnoli), the checksum of Kafka record batches.
public enum CRC32C {
    /// The checksum of some bytes, or of earlier bytes (whose checksum is `previous`) followed by them.
    @inline(__always)
    public static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return weir_crc32c(previous, base, bytes.count)
    }

    /// The same without special instructions: what processors without SSE 4.2 run, and what tests compare with.
    static func portableChecksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return weir_crc32c_portable(previous, base, bytes.count)
    }
}
