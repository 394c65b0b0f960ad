/// Kafka's variable-length numbers (zigzag, base 128) over raw memory.
enum Varint {
    /// Bytes the number takes.
    @inline(__always)
    static func count(_ value: Int64) -> Int {
        let zigzag = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        return (70 - (zigzag | 1).leadingZeroBitCount) / 7
    }

    /// Stores the number and advances the pointer past it; the caller has reserved ten bytes.
    @inline(__always)
    static func store(_ value: Int64, at next: inout UnsafeMutableRawPointer) {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while rest >= 0x80 {
            next.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            next += 1
            rest >>= 7
        }
        next.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        next += 1
    }

    /// Reads a number and advances the offset past it; nil when the number does not end before `end`.
    @inline(__always)
    static func load(_ bytes: UnsafeRawPointer, _ offset: inout Int, end: Int) -> Int64? {
        guard offset < end else { return nil }
        let first = bytes.load(fromByteOffset: offset, as: UInt8.self)
        if first < 0x80 {
            offset += 1
            return Int64(first >> 1) ^ -Int64(first & 1)
        }
        return loadLong(bytes, &offset, end: end)
    }

    @inline(__always)
    private static func loadLong(_ bytes: UnsafeRawPointer, _ offset: inout Int, end: Int) -> Int64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        var next = offset
        while next < end, shift < 64 {
            let byte = bytes.load(fromByteOffset: next, as: UInt8.self)
            next += 1
            result |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                offset = next
                return Int64(bitPattern: result >> 1) ^ -Int64(bitPattern: result & 1)
            }
            shift += 7
        }
        return nil
    }
}
