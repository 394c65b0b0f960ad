import Bytes
import Columnar
import Values

extension Transform {
    /// The transformed value; null stays null.
    public func apply(_ value: Scalar) throws(WeirError) -> Scalar {
        if value == .null || self == .void { return .null }
        switch self {
        case .identity: return value
        case .bucket(let count):
            guard let hash = Self.bucketHash(value) else { break }
            return .int((hash & .max) % Int32(truncatingIfNeeded: count))
        case .truncate(let width):
            if let truncated = Self.truncate(value, width) { return truncated }
        case .year, .month, .day, .hour:
            switch value {
            case .date(let day) where self != .hour: return temporal(day)
            case .timestamp(let micros), .timestamptz(let micros):
                return self == .hour ? .int(CivilTime.hours(micros)) : temporal(CivilTime.split(micros).day)
            default: break
            }
        case .void, .other: break
        }
        throw WeirError(.invalid, "transform '\(self)' cannot be applied to this value")
    }

    private func temporal(_ day: Int32) -> Scalar {
        switch self {
        case .year: .int(CivilTime.years(day: day))
        case .month: .int(CivilTime.months(day: day))
        default: .date(day)
        }
    }

    /// The 32-bit hash of spec appendix B; nil for types that cannot be bucketed.
    static func bucketHash(_ value: Scalar) -> Int32? {
        switch value {
        case .int(let number), .date(let number): return Murmur3.hash(Int64(number))
        case .long(let number), .time(let number), .timestamp(let number), .timestamptz(let number):
            return Murmur3.hash(number)
        case .decimal(let unscaled, _): return hash(unscaled)
        case .string(let text):
            var text = text
            return text.withUTF8 { Murmur3.hash(UnsafeRawBufferPointer($0)) }
        case .uuid(let number): return withUnsafeBytes(of: number.bigEndian) { Murmur3.hash($0) }
        case .fixed(let bytes), .binary(let bytes): return bytes.withUnsafeBytes { Murmur3.hash($0) }
        case .null, .boolean, .float, .double: return nil
        }
    }

    /// Decimals hash the minimal big-endian bytes of their unscaled value.
    @inline(__always)
    static func hash(_ unscaled: Int128) -> Int32 {
        let length = minimalByteCount(unscaled)
        return withUnsafeBytes(of: unscaled.bigEndian) {
            Murmur3.hash(UnsafeRawBufferPointer(rebasing: $0[(16 - length)...]))
        }
    }

    /// The number of bytes in the shortest two's complement form.
    @inline(__always)
    static func minimalByteCount(_ value: Int128) -> Int {
        let magnitude = value < 0 ? ~value : value
        return (128 - magnitude.leadingZeroBitCount) / 8 + 1
    }

    private static func truncate(_ value: Scalar, _ width: Int) -> Scalar? {
        switch value {
        case .int(let number): .int(floor(number, Int32(truncatingIfNeeded: width)))
        case .long(let number): .long(floor(number, Int64(width)))
        case .decimal(let unscaled, let scale): .decimal(floor(unscaled, Int128(width)), scale: scale)
        case .string(let text): .string(prefix(of: text, codePoints: width))
        case .binary(let bytes): .binary(Array(bytes.prefix(width)))
        default: nil
        }
    }

    /// Rounds down to a multiple of the width. At the lower end of the type the result wraps around, as in Java, so
    /// that rows and deletes of all writers share a partition; `isCertain` detects such results.
    @inline(__always)
    static func floor<T: FixedWidthInteger & SignedInteger>(_ value: T, _ width: T) -> T {
        value &- value.floorRemainder(by: width)
    }

    static func prefix(of text: String, codePoints: Int) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text.unicodeScalars.prefix(codePoints))
        return String(scalars)
    }
}
