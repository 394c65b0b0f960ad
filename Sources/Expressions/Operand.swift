import Bytes
import Columnar

/// The result of a node: one value per row, or one constant for all rows.
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
    /// Kernels read row `row` at `row * stride`, so the same code handles constants.
    var stride: Int { isConstant ? 0 : 1 }
    var isNullConstant: Bool { isConstant && vector.isNull(0) }

    @inline(__always)
    func isNull(_ row: Int) -> Bool { vector.isNull(row * stride) }
    @inline(__always)
    func boolean(_ row: Int) -> Bool { vector.boolean(row * stride) }
    @inline(__always)
    func bytes(_ row: Int) -> UnsafeRawBufferPointer { vector.bytes(row * stride) }
    func scalar(_ row: Int) -> Scalar { vector.scalar(row * stride) }

    /// Expands a constant to one value per row.
    func expanded(to count: Int) -> ColumnVector {
        guard isConstant else { return vector }
        if vector.isNull(0) { return .nulls(type, count: count) }
        let rows = [Int32](repeating: 0, count: count)
        return rows.withUnsafeBufferPointer { vector.gathered($0) }
    }

    /// A bitmap of the TRUE rows.
    func truth(_ count: Int) -> Buffer {
        if isConstant { return bitmap(count, set: !vector.isNull(0) && vector.boolean(0)) }
        guard let validity = vector.validity else { return vector.values }
        return combine(vector.values, validity, count) { $0 & $1 }
    }

    /// A bitmap of the FALSE rows.
    func falsehood(_ count: Int) -> Buffer {
        if isConstant { return bitmap(count, set: !vector.isNull(0) && !vector.boolean(0)) }
        guard let validity = vector.validity else {
            return combine(vector.values, vector.values, count) { value, _ in ~value }
        }
        return combine(vector.values, validity, count) { ~$0 & $1 }
    }
}

/// A bitmap with all bits equal.
func bitmap(_ count: Int, set: Bool) -> Buffer {
    Buffer.filled(count: Bitmap.byteCount(count)) { target in
        target.initializeMemory(as: UInt8.self, repeating: set ? 0xff : 0)
    }
}

/// The rows where no operand is null. `validity` is nil if there are no nulls. `isAllNull` is set if an operand is a
/// constant null.
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
