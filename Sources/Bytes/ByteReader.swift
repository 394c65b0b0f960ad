/// A cursor over bytes from outside the process. Every read checks its bounds and throws instead of trapping.
public struct ByteReader: ~Escapable {
    let bytes: RawSpan
    /// Bytes read so far.
    public internal(set) var offset: Int

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
        self.offset = 0
    }

    public var remaining: Int { bytes.byteCount - offset }
    public var isAtEnd: Bool { offset == bytes.byteCount }

    /// Moves to an absolute offset.
    public mutating func seek(to target: Int) throws(WeirError) {
        guard target >= 0, target <= bytes.byteCount else { throw truncated(target - offset) }
        offset = target
    }

    public mutating func skip(_ count: Int) throws(WeirError) {
        guard count >= 0, count <= remaining else { throw truncated(count) }
        offset += count
    }

    mutating func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(WeirError) -> T {
        let width = MemoryLayout<T>.size
        guard width <= remaining else { throw truncated(width) }
        let value = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: T.self)
        offset += width
        return value
    }

    public mutating func readUInt8() throws(WeirError) -> UInt8 { try load(UInt8.self) }

    /// A fixed-width integer in network byte order.
    public mutating func readBigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(WeirError) -> T {
        T(bigEndian: try load(T.self))
    }

    /// A fixed-width integer, least significant byte first.
    public mutating func readLittleEndian<T: FixedWidthInteger & BitwiseCopyable>(
        _ type: T.Type
    ) throws(WeirError) -> T {
        T(littleEndian: try load(T.self))
    }

    /// An unsigned base-128 number of at most ten bytes.
    public mutating func readUnsignedVarint() throws(WeirError) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readUInt8()
            guard shift < 63 || byte <= 1 else {
                throw WeirError(.corrupt, "a variable-length number is longer than 64 bits", at: "byte \(offset)")
            }
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return result }
            shift += 7
        }
    }

    /// A signed number in zigzag base-128 form, as Avro and Kafka write them.
    public mutating func readVarint() throws(WeirError) -> Int64 {
        let raw = try readUnsignedVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// The next `count` bytes, copied.
    public mutating func readBytes(_ count: Int) throws(WeirError) -> [UInt8] {
        guard count >= 0, count <= remaining else { throw truncated(count) }
        let start = offset
        offset += count
        return bytes.extracting(start..<start + count).withUnsafeBytes { Array($0) }
    }

    /// The next `count` bytes as text; bytes that are not UTF-8 are an error.
    public mutating func readString(_ count: Int) throws(WeirError) -> String {
        let start = offset
        let raw = try readBytes(count)
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw WeirError(.corrupt, "text is not valid UTF-8", at: "byte \(start)")
        }
        return text
    }

    func truncated(_ wanted: Int) -> WeirError {
        WeirError(
            .corrupt,
            "the data ends too early: \(wanted) more bytes are wanted and \(remaining) are left",
            at: "byte \(offset)"
        )
    }
}
