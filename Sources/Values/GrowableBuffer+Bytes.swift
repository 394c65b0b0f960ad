import Bytes

// Bytes as ASCII text: hexadecimal, base64, uuids.

extension GrowableBuffer {
    public mutating func appendHex(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count * 2)
        let out = base.assumingMemoryBound(to: UInt8.self) + count
        for index in 0..<bytes.count {
            out[2 * index] = Self.hexDigit(bytes[index] >> 4)
            out[2 * index + 1] = Self.hexDigit(bytes[index] & 15)
        }
        advance(by: bytes.count * 2)
    }

    /// Base64 of RFC 4648, with padding.
    public mutating func appendBase64(_ bytes: UnsafeRawBufferPointer) {
        let length = (bytes.count + 2) / 3 * 4
        reserve(length)
        let out = base.assumingMemoryBound(to: UInt8.self) + count
        var position = 0
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes.count - start
            var bits = UInt32(bytes[start]) << 16
            if rest > 1 { bits |= UInt32(bytes[start + 1]) << 8 }
            if rest > 2 { bits |= UInt32(bytes[start + 2]) }
            for digit in 0..<4 {
                let shift = UInt32(18 - 6 * digit)
                out[position + digit] =
                    digit <= rest ? Self.base64Digit(UInt8(truncatingIfNeeded: bits >> shift) & 63) : 0x3d
            }
            position += 4
        }
        advance(by: length)
    }

    @inline(__always)
    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2b
        default: 0x2f
        }
    }

    @inline(__always)
    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// `123e4567-e89b-12d3-a456-426614174000`, from 16 bytes.
    public mutating func appendUUID(_ bytes: UnsafeRawBufferPointer) {
        for (start, end) in [(0, 4), (4, 6), (6, 8), (8, 10), (10, 16)] {
            if start > 0 { appendByte(0x2d) }
            appendHex(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }
}
