/// Decodes code points from unvalidated UTF-8 bytes.
public enum UTF8Decoding {
    /// The code point at `position` and its length in bytes. A byte that starts no valid sequence gives U+FFFD of
    /// length 1.
    @inlinable
    @inline(__always)
    public static func scalar(_ base: UnsafeRawPointer, _ position: Int, _ count: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(base.load(fromByteOffset: position, as: UInt8.self))
        if first < 0x80 { return (first, 1) }
        func continuation(_ offset: Int) -> UInt32? {
            guard position + offset < count else { return nil }
            let byte = UInt32(base.load(fromByteOffset: position + offset, as: UInt8.self))
            return byte & 0xc0 == 0x80 ? byte & 0x3f : nil
        }
        switch first {
        case 0xc2...0xdf:
            if let second = continuation(1) { return ((first & 0x1f) << 6 | second, 2) }
        case 0xe0...0xef:
            if let second = continuation(1), let third = continuation(2) {
                let value = (first & 0x0f) << 12 | second << 6 | third
                // Reject overlong forms and surrogates.
                if value >= 0x800, !(0xd800...0xdfff ~= value) { return (value, 3) }
            }
        case 0xf0...0xf4:
            if let second = continuation(1), let third = continuation(2), let fourth = continuation(3) {
                let value = (first & 0x07) << 18 | second << 12 | third << 6 | fourth
                if 0x10000...0x10ffff ~= value { return (value, 4) }
            }
        default: break
        }
        return (0xfffd, 1)
    }
}
