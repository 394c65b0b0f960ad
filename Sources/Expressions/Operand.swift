import Bytes
import Columnar

/// What a node evaluates to: one value a row, or one value for all rows.
struct Operand: Sendable {
    /// A constant is a vector of one row.
    let vector: ColumnVector
    let isConstant: Bool

    init(_ vector: ColumnVector, isConstant: Bool = false) {
        self.vector = vector
        self.isConstant = isConstant
    }

    init(_ scalar: Scalar, _ type: FieldType) {
        var builder = ColumnBuilder(type, capacity: 1)
        builder.append(scalar)
        self.init(builder.finish(), isConstant: true)
    }

    var type: FieldType { vector.type }
    /// Rows are read at `row * stride`, so that kernels need no second form for constants.
    var stride: Int { isConstant ? 0 : 1 }
    var isNullConstant: Bool { isConstant && vector.isNull(0) }

    @inline(__always)
    func isNull(_ row: Int) -> Bool { vector.isNull(row * stride) }
    @inline(__always)
    func boolean(_ row: Int) -> Bool { vector.boolean(row * stride) }
    @inline(__always)
    func bytes(_ row: Int) -> UnsafeRawBufferPointer { vector.bytes(row * stride) }
    func scalar(_ row: Int) -> Scalar { vector.scalar(row * stride) }

    /// One value a row.
    func expanded(to count: Int) -> ColumnVector {
        guard isConstant else { return vector }
        if vector.isNull(0) { return .nulls(type, count: count) }
        let rows = [Int32](repeating: 0, count: count)
        return rows.withUnsafeBufferPointer { vector.gathered($0) }
    }

    /// Bits of the rows that are TRUE.
    func truth(_ count: Int) -> Buffer {
        if isConstant { return bitmap(count, set: !vector.isNull(0) && vector.boolean(0)) }
        guard let validity = vector.validity else { return vector.values }
        return combine(vector.values, validity, count) { $0 & $1 }
    }

    /// Bits of the rows that are FALSE.
    func falsehood(_ count: Int) -> Buffer {
        if isConstant { return bitmap(count, set: !vector.isNull(0) && !vector.boolean(0)) }
        guard let validity = vector.validity else {
            return combine(vector.values, vector.values, count) { value, _ in ~value }
        }
        return combine(vector.values, validity, count) { ~$0 & $1 }
    }
}

/// A bitmap of equal bits.
func bitmap(_ count: Int, set: Bool) -> Buffer {
    Buffer.filled(count: Bitmap.byteCount(count)) { target in
        target.initializeMemory(as: UInt8.self, repeating: set ? 0xff : 0)
    }
}

/// Rows where every operand has a value. `nil` validity means all rows; the result is nil when no row has one, because an
/// operand is a constant null.
func commonValidity(_ operands: [Operand], _ count: Int) -> (validity: Buffer?, isAllNull: Bool) {
    var common: Buffer?
    for operand in operands {
        if operand.isConstant {
            if operand.vector.isNull(0) { return (nil, true) }
        } else if let validity = operand.vector.validity {
            common = common.map { combine($0, validity, count) { $0 & $1 } } ?? validity
        }
    }
    return (common, false)
}
