import Bytes

extension GrowableBuffer {
    /// A copy of what was written; the buffer starts again empty.
    mutating func finishBytes() -> [UInt8] {
        let buffer = finish()
        // The view of its memory does not keep the buffer alive.
        return withExtendedLifetime(buffer) { Array(buffer.bytes) }
    }
}
