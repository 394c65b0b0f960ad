import Bytes

extension GrowableBuffer {
    /// Returns a copy of the bytes and resets the buffer.
    mutating func finishBytes() -> [UInt8] {
        let buffer = finish()
        // `bytes` does not keep the buffer alive.
        return withExtendedLifetime(buffer) { Array(buffer.bytes) }
    }
}
