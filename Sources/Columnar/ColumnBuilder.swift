import Bytes
import Foundation

/// Builds one column row by row.
public struct ColumnBuilder: ~Copyable, Sendable {
    public let type: FieldType
    public private(set) var count = 0
    private var values: GrowableBuffer
    private var bytes: GrowableBuffer
    private var validity: GrowableBuffer
    private var hasNulls = false

    public init(_ type: FieldType, capacity: Int = 0) {
        precondition(type.isPrimitive, "a column builder holds a primitive type, not \(type)")
        self.type = type
        bytes = GrowableBuffer()
        validity = GrowableBuffer()
        switch type.layout {
        case .fixedWidth(let width): values = GrowableBuffer(capacity: capacity * width)
        case .bits: values = GrowableBuffer(capacity: capacity / 8)
        case .variableWidth, .nested:
            values = GrowableBuffer(capacity: (capacity + 1) * 4)
            values.append(Int32(0))
        }
    }

    /// A value of a fixed-width type: Int32 for int and date, Int64 for long and times, Int128 for decimals.
    @inline(__always)
    public mutating func append<T: BitwiseCopyable>(_ value: T) {
        values.append(value)
        markValid()
    }

    public mutating func append(_ flag: Bool) {
        appendBit(flag)
        markValid()
    }

    /// The bytes of a string, binary, fixed or uuid value.
    public mutating func append(_ raw: UnsafeRawBufferPointer) {
        switch type.layout {
        case .variableWidth:
            bytes.append(raw)
            precondition(bytes.count <= Int(Int32.max), "a column of a batch holds at most 2 GiB of text")
            values.append(Int32(bytes.count))
        default: values.append(raw)
        }
        markValid()
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    public mutating func appendNull() {
        switch type.layout {
        case .bits: appendBit(false)
        case .fixedWidth(let width): values.append(repeating: 0, count: width)
        case .variableWidth, .nested: values.append(Int32(bytes.count))
        }
        if !hasNulls {
            hasNulls = true
            validity.append(repeating: 0xff, count: Bitmap.byteCount(count))
        }
        growValidity()
        Bitmap.clear(validity.base, count)
        count += 1
    }

    private mutating func appendBit(_ flag: Bool) {
        if count & 7 == 0 { values.append(UInt8(0)) }
        if flag { Bitmap.set(values.base, count) }
    }

    @inline(__always)
    private mutating func markValid() {
        if hasNulls {
            growValidity()
            Bitmap.set(validity.base, count)
        }
        count += 1
    }

    private mutating func growValidity() {
        if Bitmap.byteCount(count + 1) > validity.count { validity.append(UInt8(0)) }
    }

    /// Returns the column and empties the builder.
    public mutating func finish() -> ColumnVector {
        let rows = count
        let bitmap = hasNulls ? validity.finish() : nil
        let isVariable = type.layout == .variableWidth
        let column = ColumnVector(
            type: type,
            count: rows,
            validity: bitmap,
            values: values.finish(),
            bytes: isVariable ? bytes.finish() : nil
        )
        count = 0
        hasNulls = false
        if isVariable { values.append(Int32(0)) }
        return column
    }
}
