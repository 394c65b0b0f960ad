import Bytes

/// Bits in Arrow's order: row `i` is bit `i % 8` of byte `i / 8`.
public enum Bitmap {
    @inline(__always)
    public static func isSet(_ bits: UnsafeRawPointer, _ index: Int) -> Bool {
        bits.load(fromByteOffset: index >> 3, as: UInt8.self) & (1 << UInt8(truncatingIfNeeded: index & 7)) != 0
    }

    @inline(__always)
    public static func set(_ bits: UnsafeMutableRawPointer, _ index: Int) {
        let byte = bits.load(fromByteOffset: index >> 3, as: UInt8.self) | 1 << UInt8(truncatingIfNeeded: index & 7)
        bits.storeBytes(of: byte, toByteOffset: index >> 3, as: UInt8.self)
    }

    @inline(__always)
    public static func clear(_ bits: UnsafeMutableRawPointer, _ index: Int) {
        let byte = bits.load(fromByteOffset: index >> 3, as: UInt8.self) & ~(1 << UInt8(truncatingIfNeeded: index & 7))
        bits.storeBytes(of: byte, toByteOffset: index >> 3, as: UInt8.self)
    }

    /// Bytes that hold `count` bits.
    public static func byteCount(_ count: Int) -> Int { (count + 7) >> 3 }

    /// Set bits among the first `count`.
    public static func countSet(_ bits: UnsafeRawPointer, _ count: Int) -> Int {
        var total = 0
        let words = count >> 6
        for word in 0..<words { total += bits.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self).nonzeroBitCount }
        for index in words << 6..<count where isSet(bits, index) { total += 1 }
        return total
    }

    /// `count` bits starting at bit `offset`, moved to bit 0 of a new buffer.
    public static func copy(_ bits: UnsafeRawPointer, from offset: Int, count: Int) -> Buffer {
        Buffer.filled(count: byteCount(count)) { target in
            guard let base = target.baseAddress else { return }
            let source = bits + (offset >> 3)
            let shift = UInt8(offset & 7)
            let last = byteCount((offset & 7) + count) - 1
            for index in 0..<target.count {
                var byte = source.load(fromByteOffset: index, as: UInt8.self) >> shift
                if shift > 0, index + 1 <= last {
                    byte |= source.load(fromByteOffset: index + 1, as: UInt8.self) << (8 - shift)
                }
                base.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
        }
    }
}
