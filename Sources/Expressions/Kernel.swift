import Bytes
import Columnar

/// Loops that compute one column from others. A null operand gives a null result.
enum Kernel {
    /// A fixed-width result from one fixed-width column.
    @inline(__always)
    static func map<A: BitwiseCopyable, R: BitwiseCopyable>(
        _ a: Operand,
        to type: FieldType,
        _ count: Int,
        _ body: (A) -> R
    ) -> Operand {
        if a.isNullConstant { return Operand(.nulls(type, count: count)) }
        let source = a.vector.pointer(as: A.self)
        let stride = a.stride
        let values = Buffer.filled(count: count * MemoryLayout<R>.stride) { target in
            let out = target.bindMemory(to: R.self)
            for row in 0..<count { out[row] = body(source[row * stride]) }
        }
        let validity = a.isConstant ? nil : a.vector.validity
        return Operand(ColumnVector(type: type, count: count, validity: validity, values: values))
    }

    /// Like `map`, with a body that returns nil for rows without a result. Those rows are added to `invalid`.
    @inline(__always)
    static func tryMap<A: BitwiseCopyable, R: BitwiseCopyable>(
        _ a: Operand,
        to type: FieldType,
        zero: R,
        _ count: Int,
        invalid: inout [Int32],
        _ body: (A) -> R?
    ) -> ColumnVector {
        if a.isNullConstant { return .nulls(type, count: count) }
        let source = a.vector.pointer(as: A.self)
        let stride = a.stride
        let values = Buffer.filled(count: count * MemoryLayout<R>.stride) { target in
            let out = target.bindMemory(to: R.self)
            for row in 0..<count {
                if let value = body(source[row * stride]) {
                    out[row] = value
                } else {
                    out[row] = zero
                    if !a.isNull(row) { invalid.append(Int32(row)) }
                }
            }
        }
        let validity = a.isConstant ? nil : a.vector.validity
        return ColumnVector(type: type, count: count, validity: validity, values: values)
    }

    /// A fixed-width result from two columns of the same width.
    @inline(__always)
    static func tryZip<A: BitwiseCopyable, R: BitwiseCopyable>(
        _ a: Operand,
        _ b: Operand,
        to type: FieldType,
        zero: R,
        _ count: Int,
        invalid: inout [Int32],
        _ body: (A, A) -> R?
    ) -> ColumnVector {
        let (validity, isAllNull) = commonValidity([a, b], count)
        if isAllNull { return .nulls(type, count: count) }
        let left = a.vector.pointer(as: A.self)
        let right = b.vector.pointer(as: A.self)
        let (leftStride, rightStride) = (a.stride, b.stride)
        let values = Buffer.filled(count: count * MemoryLayout<R>.stride) { target in
            let out = target.bindMemory(to: R.self)
            for row in 0..<count {
                if let value = body(left[row * leftStride], right[row * rightStride]) {
                    out[row] = value
                } else {
                    out[row] = zero
                    if !a.isNull(row), !b.isNull(row) { invalid.append(Int32(row)) }
                }
            }
        }
        return ColumnVector(type: type, count: count, validity: validity, values: values)
    }

    /// A fixed-width result from the bytes of one text column.
    @inline(__always)
    static func mapText<R: BitwiseCopyable>(
        _ a: Operand,
        to type: FieldType,
        zero: R,
        _ count: Int,
        invalid: inout [Int32],
        _ body: (UnsafeRawBufferPointer) -> R?
    ) -> ColumnVector {
        if a.isNullConstant { return .nulls(type, count: count) }
        let values = Buffer.filled(count: count * MemoryLayout<R>.stride) { target in
            let out = target.bindMemory(to: R.self)
            for row in 0..<count {
                let isNull = a.isNull(row)
                if !isNull, let value = body(a.bytes(row)) {
                    out[row] = value
                } else {
                    out[row] = zero
                    if !isNull { invalid.append(Int32(row)) }
                }
            }
        }
        let validity = a.isConstant ? nil : a.vector.validity
        return ColumnVector(type: type, count: count, validity: validity, values: values)
    }

    /// A boolean result, row by row; null if any operand is null.
    @inline(__always)
    static func test(_ operands: [Operand], _ count: Int, _ body: (Int) -> Bool) -> Operand {
        let (validity, isAllNull) = commonValidity(operands, count)
        if isAllNull { return Operand(.nulls(.boolean, count: count)) }
        let values = bitmap(count, body)
        return Operand(ColumnVector(type: .boolean, count: count, validity: validity, values: values))
    }

    /// A text result, row by row; null if any of `operands` is null. `parts` are further operands that the body reads.
    /// The body appends a row's bytes and returns false if the row has no result.
    @inline(__always)
    static func text(
        _ operands: [Operand],
        as type: FieldType = .string,
        madeOf parts: [Operand] = [],
        _ count: Int,
        invalid: inout [Int32],
        _ body: (Int, inout TextOutput) -> Bool
    ) -> ColumnVector {
        let (validity, isAllNull) = commonValidity(operands, count)
        if isAllNull { return .nulls(type, count: count) }
        var output = TextOutput(rows: count, from: operands + parts)
        for row in 0..<count {
            if let validity, !Bitmap.isSet(validity.base, row) {
                _ = output.endRow()
                continue
            }
            let isDone = body(row, &output)
            if output.endRow() || !isDone { invalid.append(Int32(row)) }
        }
        let (offsets, bytes) = output.finish()
        return ColumnVector(type: type, count: count, validity: validity, values: offsets, bytes: bytes)
    }
}
