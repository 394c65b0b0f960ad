import Bytes
import Columnar

/// One number per row that represents its key in hash tables.
///
/// A single column of at most eight bytes is its own fingerprint, so no two keys share one. Any other key is hashed to
/// 128 bits. The probability that two different keys among ten million share a fingerprint is below 1 in 10²⁴, far
/// below that of a memory error, so keys are not compared again.
public enum KeyFingerprints: Sendable {
    case narrow([UInt64])
    case wide([UInt128])

    /// Whether keys of these columns have narrow fingerprints: one required column of four or eight bytes.
    public static func areNarrow(_ fields: [Field]) -> Bool {
        guard fields.count == 1, fields[0].isRequired else { return false }
        return switch fields[0].type.layout {
        case .fixedWidth(4), .fixedWidth(8): true
        default: false
        }
    }

    /// Computes the fingerprints of key columns, in primary-key order. In wide fingerprints null equals null. Narrow
    /// ones cannot represent null, since the column is required.
    ///
    /// Fingerprints that are compared with each other, or used with one map, must have the same seed.
    public init(_ columns: [ColumnVector], count: Int, areNarrow: Bool, seed: KeySeed = .process) {
        self = areNarrow ? .narrow(Self.narrow(columns[0])) : .wide(Self.wide(columns, count: count, seed))
    }

    /// Number of rows.
    @inlinable
    public var count: Int {
        switch self {
        case .narrow(let keys): keys.count
        case .wide(let keys): keys.count
        }
    }

    /// The fingerprint of one row's key.
    @inlinable
    @inline(__always)
    public subscript(row: Int) -> UInt128 {
        switch self {
        case .narrow(let keys): UInt128(keys[row])
        case .wide(let keys): keys[row]
        }
    }

    private static func narrow(_ column: ColumnVector) -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: column.count) { out, count in
            switch column.type {
            case .float:
                let values = column.pointer(as: Float.self)
                for row in 0..<column.count { out[row] = UInt64(canonical(values[row])) }
            case .double:
                let values = column.pointer(as: Double.self)
                for row in 0..<column.count { out[row] = canonical(values[row]) }
            default:
                if column.type.layout == .fixedWidth(4) {
                    let values = column.pointer(as: UInt32.self)
                    for row in 0..<column.count { out[row] = UInt64(values[row]) }
                } else {
                    let values = column.pointer(as: UInt64.self)
                    for row in 0..<column.count { out[row] = values[row] }
                }
            }
            count = column.count
        }
    }

    // All NaNs are one key, as in the key hash (spec section 3.3); 0.0 and -0.0 are different keys.
    private static func canonical(_ value: Float) -> UInt32 { value.isNaN ? 0x7fc0_0000 : value.bitPattern }
    private static func canonical(_ value: Double) -> UInt64 { value.isNaN ? 0x7ff8_0000_0000_0000 : value.bitPattern }

    private static func wide(_ columns: [ColumnVector], count: Int, _ seed: KeySeed) -> [UInt128] {
        var hashes = [KeyHasher](repeating: KeyHasher(seed), count: count)
        for column in columns {
            hashes.withUnsafeMutableBufferPointer { absorb(column, into: $0) }
        }
        return hashes.map { $0.finish() }
    }

    private static func absorb(_ column: ColumnVector, into hashes: UnsafeMutableBufferPointer<KeyHasher>) {
        for row in 0..<column.count {
            if column.isNull(row) {
                hashes[row].absorb(word: 0, length: .max)
                continue
            }
            switch column.type.layout {
            case .bits: hashes[row].absorb(word: column.boolean(row) ? 1 : 0, length: 1)
            case .fixedWidth(4):
                let bits =
                    column.type == .float
                    ? canonical(column.pointer(as: Float.self)[row]) : column.pointer(as: UInt32.self)[row]
                hashes[row].absorb(word: UInt64(bits), length: 4)
            case .fixedWidth(8):
                let bits =
                    column.type == .double
                    ? canonical(column.pointer(as: Double.self)[row]) : column.pointer(as: UInt64.self)[row]
                hashes[row].absorb(word: bits, length: 8)
            case .fixedWidth(let width):
                hashes[row].absorb(UnsafeRawBufferPointer(start: column.values.base + row * width, count: width))
            case .variableWidth, .nested: hashes[row].absorb(column.bytes(row))
            }
        }
    }
}

/// A 128-bit hash of a sequence of values: two independent multiply-and-fold lanes.
struct KeyHasher {
    private var first: UInt64
    private var second: UInt64

    init(_ seed: KeySeed) {
        first = seed.first
        second = seed.second
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    /// Adds a value of up to eight bytes; the length separates adjacent values.
    @inline(__always)
    mutating func absorb(word: UInt64, length: UInt64) {
        first = Self.fold(first ^ word, 0x9e37_79b9_7f4a_7c15 ^ length) &+ word
        second = Self.fold(second ^ word.byteSwapped, 0xd6e8_feb8_6659_fd93 ^ length) ^ first
    }

    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            absorb(word: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), length: 8)
            offset += 8
        }
        var tail: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count {
            tail |= UInt64(bytes[offset]) << shift
            shift += 8
            offset += 1
        }
        absorb(word: tail, length: UInt64(bytes.count) &+ 0x100)
    }

    func finish() -> UInt128 {
        let low = Self.fold(first ^ 0xa076_1d64_78bd_642f, second ^ 0xe703_7ed1_a0b4_28db)
        let high = Self.fold(second ^ 0x8ebc_6af0_9c88_c6e3, first ^ 0x5899_65cc_7537_4cc3)
        return UInt128(high) << 64 | UInt128(low)
    }
}
