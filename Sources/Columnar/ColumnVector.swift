import Bytes

/// The values of one column for a batch of rows, in Arrow's memory layout.
///
/// ```
/// validity   bitmap, 1 = value, nil = no nulls          row i → bit i
/// values     fixed width: n × width bytes, little-endian
///            boolean: bitmap
///            string, binary: (n + 1) × Int32 offsets into bytes (the first need not be 0)
/// bytes      string, binary: the arena
/// ```
/// Decimals are 128-bit two's complement numbers of the type's scale; uuids are 16 bytes in network order.
public struct ColumnVector: Sendable {
    public let type: FieldType
    /// Rows.
    public let count: Int
    public let validity: Buffer?
    public let values: Buffer
    public let bytes: Buffer?

    public init(type: FieldType, count: Int, validity: Buffer?, values: Buffer, bytes: Buffer? = nil) {
        precondition(type.isPrimitive, "a column vector holds a primitive type, not \(type)")
        self.type = type
        self.count = count
        self.validity = validity
        self.values = values
        self.bytes = bytes
    }

    /// A column of nulls.
    public static func nulls(_ type: FieldType, count: Int) -> ColumnVector {
        let zero = { (size: Int) in Buffer.filled(count: size) { $0.initializeMemory(as: UInt8.self, repeating: 0) } }
        let validity = zero(Bitmap.byteCount(count))
        switch type.layout {
        case .bits:
            return ColumnVector(type: type, count: count, validity: validity, values: zero(Bitmap.byteCount(count)))
        case .fixedWidth(let width):
            return ColumnVector(type: type, count: count, validity: validity, values: zero(count * width))
        case .variableWidth, .nested:
            return ColumnVector(
                type: type,
                count: count,
                validity: validity,
                values: zero((count + 1) * 4),
                bytes: zero(0)
            )
        }
    }

    @inline(__always)
    public func isNull(_ row: Int) -> Bool {
        guard let validity else { return false }
        return !Bitmap.isSet(validity.base, row)
    }

    public var nullCount: Int {
        guard let validity else { return 0 }
        return count - Bitmap.countSet(validity.base, count)
    }

    /// The values of a fixed-width column.
    @inline(__always)
    public func pointer<T: BitwiseCopyable>(as type: T.Type) -> UnsafePointer<T> { values.values(as: type) }

    @inline(__always)
    public func boolean(_ row: Int) -> Bool { Bitmap.isSet(values.base, row) }

    /// The bytes of one string or binary value.
    @inline(__always)
    public func bytes(_ row: Int) -> UnsafeRawBufferPointer {
        let offsets = values.values(as: Int32.self)
        let start = Int(offsets[row])
        return UnsafeRawBufferPointer(start: bytes.unsafelyUnwrapped.base + start, count: Int(offsets[row + 1]) - start)
    }

    /// The same memory under another type of the same layout.
    public func reinterpreted(as type: FieldType) -> ColumnVector {
        precondition(type.layout == self.type.layout, "\(self.type) and \(type) differ in layout")
        return ColumnVector(type: type, count: count, validity: validity, values: values, bytes: bytes)
    }

    /// Memory size of the values in bytes, for memory budgets.
    public var byteCount: Int {
        var total = validity?.count ?? 0
        switch type.layout {
        case .bits: total += Bitmap.byteCount(count)
        case .fixedWidth(let width): total += count * width
        case .variableWidth, .nested:
            let offsets = values.values(as: Int32.self)
            total += count * 4 + Int(offsets[count] - offsets[0])
        }
        return total
    }
}
