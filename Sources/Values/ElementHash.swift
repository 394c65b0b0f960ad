import Bytes

/// Java's standard hash of one Iceberg value (mixed format, section 3.3).
public enum ElementHash {
    public static func of(_ scalar: Scalar) -> Int32 {
        switch scalar {
        case .null: 0
        case .boolean(let value): of(value)
        case .int(let value), .date(let value): value
        case .long(let value), .time(let value), .timestamp(let value), .timestamptz(let value): of(value)
        case .float(let value): of(value)
        case .double(let value): of(value)
        case .decimal(let value, let scale): of(decimal: value, scale: scale)
        case .uuid(let value): of(uuid: value)
        case .string(var value): value.withUTF8 { of(utf8: UnsafeRawBufferPointer($0)) }
        case .fixed(let value), .binary(let value): value.withUnsafeBytes { of(bytes: $0) }
        }
    }

    @inlinable
    @inline(__always)
    public static func of(_ value: Bool) -> Int32 { value ? 1231 : 1237 }

    @inlinable
    @inline(__always)
    public static func of(_ value: Int64) -> Int32 { fold(UInt64(bitPattern: value)) }

    @inlinable
    @inline(__always)
    public static func of(_ value: Float) -> Int32 { value.isNaN ? 0x7fc0_0000 : Int32(bitPattern: value.bitPattern) }

    @inlinable
    @inline(__always)
    public static func of(_ value: Double) -> Int32 { fold(value.isNaN ? 0x7ff8_0000_0000_0000 : value.bitPattern) }

    @inlinable
    @inline(__always)
    public static func of(uuid value: UInt128) -> Int32 {
        fold(UInt64(truncatingIfNeeded: value >> 64) ^ UInt64(truncatingIfNeeded: value))
    }

    @inlinable
    @inline(__always)
    static func fold(_ bits: UInt64) -> Int32 { Int32(truncatingIfNeeded: bits ^ (bits >> 32)) }

    /// The unscaled number's 32-bit words, most significant first without leading zero words, then sign and scale.
    @inlinable
    @inline(__always)
    public static func of(decimal value: Int128, scale: Int) -> Int32 {
        let magnitude = value.magnitude
        var hash: Int32 = 0
        // Leading zero words do not change a hash of zero.
        if magnitude >> 64 != 0 {
            hash = Int32(truncatingIfNeeded: magnitude >> 96)
            hash = hash &* 31 &+ Int32(truncatingIfNeeded: magnitude >> 64)
        }
        hash = hash &* 31 &+ Int32(truncatingIfNeeded: magnitude >> 32)
        hash = hash &* 31 &+ Int32(truncatingIfNeeded: magnitude)
        return 31 &* (value < 0 ? 0 &- hash : hash) &+ Int32(truncatingIfNeeded: scale)
    }

    @inlinable
    @inline(__always)
    public static func of(bytes: UnsafeRawBufferPointer) -> Int32 {
        var hash: Int32 = 1
        var position = bytes.count
        while position > 0 {
            position -= 1
            hash = hash &* 31 &+ Int32(Int8(bitPattern: bytes[position]))
        }
        return hash
    }

    /// `h = 31·h + u` over the UTF-16 code units of UTF-8 text. Every byte that is not UTF-8 counts as U+FFFD.
    @inlinable
    @inline(__always)
    public static func of(utf8 text: UnsafeRawBufferPointer) -> Int32 {
        guard let base = text.baseAddress else { return 0 }
        var hash: Int32 = 0
        var position = 0
        let count = text.count
        // Fast path: four ASCII characters per step.
        while position + 4 <= count {
            let word = base.loadUnaligned(fromByteOffset: position, as: UInt32.self)
            if word & 0x8080_8080 != 0 { return ofUnicode(base, position, count, hash) }
            let first = Int32(truncatingIfNeeded: word & 0xff) &* 29_791
            let second = Int32(truncatingIfNeeded: word >> 8 & 0xff) &* 961
            let third = Int32(truncatingIfNeeded: word >> 16 & 0xff) &* 31
            hash = hash &* 923_521 &+ first &+ second &+ third &+ Int32(truncatingIfNeeded: word >> 24)
            position += 4
        }
        while position < count {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            if byte >= 0x80 { return ofUnicode(base, position, count, hash) }
            hash = hash &* 31 &+ Int32(byte)
            position += 1
        }
        return hash
    }

    @usableFromInline
    @inline(never)
    static func ofUnicode(_ base: UnsafeRawPointer, _ start: Int, _ count: Int, _ before: Int32) -> Int32 {
        var hash = before
        var position = start
        while position < count {
            let (scalar, length) = UTF8Decoding.scalar(base, position, count)
            position += length
            if scalar < 0x10000 {
                hash = hash &* 31 &+ Int32(truncatingIfNeeded: scalar)
            } else {
                let rest = scalar - 0x10000
                hash = hash &* 31 &+ Int32(truncatingIfNeeded: 0xd800 + (rest >> 10))
                hash = hash &* 31 &+ Int32(truncatingIfNeeded: 0xdc00 + (rest & 0x3ff))
            }
        }
        return hash
    }
}
