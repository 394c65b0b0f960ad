import Bytes
import Columnar

/// Binary single-value serialization (spec appendix D), used for column bounds and partition bounds.
public enum SingleValue {
    /// Nil for null, which has no binary form.
    public static func encode(_ value: Scalar) -> [UInt8]? {
        var writer = ByteWriter(capacity: 16)
        switch value {
        case .null: return nil
        case .boolean(let flag): writer.writeUInt8(flag ? 1 : 0)
        case .int(let number), .date(let number): writer.writeLittleEndian(number)
        case .long(let number), .time(let number), .timestamp(let number), .timestamptz(let number):
            writer.writeLittleEndian(number)
        case .float(let number): writer.writeLittleEndian(number.bitPattern)
        case .double(let number): writer.writeLittleEndian(number.bitPattern)
        case .decimal(let unscaled, _): writer.writeBytes(bigEndian(unscaled))
        case .string(let text): writer.writeString(text)
        case .uuid(let number): writer.writeBigEndian(number)
        case .fixed(let bytes), .binary(let bytes): writer.writeBytes(bytes)
        }
        return writer.bytes
    }

    /// Decodes a value of a type. Bounds written before the type was widened are read in their old width.
    public static func decode(_ bytes: [UInt8], _ type: FieldType) throws(WeirError) -> Scalar {
        switch (type, bytes.count) {
        case (.boolean, 1): return .boolean(bytes[0] != 0)
        case (.int, 4): return .int(load(bytes))
        case (.date, 4): return .date(load(bytes))
        case (.long, 4): return .long(Int64(load(bytes) as Int32))
        case (.long, 8): return .long(load(bytes))
        case (.time, 8): return .time(load(bytes))
        case (.timestamp, 8): return .timestamp(load(bytes))
        case (.timestamptz, 8): return .timestamptz(load(bytes))
        case (.float, 4): return .float(Float(bitPattern: load(bytes)))
        case (.double, 4): return .double(Double(Float(bitPattern: load(bytes))))
        case (.double, 8): return .double(Double(bitPattern: load(bytes)))
        case (.decimal(_, let scale), 1...16): return .decimal(int128(bigEndian: bytes), scale: scale)
        case (.uuid, 16): return .uuid(UInt128(bitPattern: int128(bigEndian: bytes)))
        case (.fixed, _): return .fixed(bytes)
        case (.binary, _): return .binary(bytes)
        case (.string, _):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw WeirError(.corrupt, "a bound of type string is not valid UTF-8")
            }
            return .string(text)
        default: throw WeirError(.corrupt, "\(bytes.count) bytes are no value of type \(type)")
        }
    }

    /// The shortest two's complement form, most significant byte first.
    static func bigEndian(_ unscaled: Int128) -> [UInt8] {
        withUnsafeBytes(of: unscaled.bigEndian) { Array($0.suffix(Transform.minimalByteCount(unscaled))) }
    }

    /// Sign-extends at most 16 bytes.
    static func int128(bigEndian bytes: some Collection<UInt8>) -> Int128 {
        var value: Int128 = (bytes.first ?? 0) & 0x80 != 0 ? -1 : 0
        for byte in bytes.prefix(16) { value = value << 8 | Int128(byte) }
        return value
    }

    private static func load<T: FixedWidthInteger>(_ bytes: [UInt8]) -> T {
        bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(as: T.self)) }
    }
}
