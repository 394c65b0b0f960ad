import Bytes

extension ColumnVector {
    /// The values converted to a wider type by Iceberg's promotions; nil when there is no such promotion.
    public func promoted(to target: FieldType) -> ColumnVector? {
        if type == target { return self }
        guard type.canPromote(to: target) else { return nil }
        switch (type, target) {
        case (.int, .long): return widened(target) { (value: Int32) in Int64(value) }
        case (.float, .double): return widened(target) { (value: Float) in Double(value) }
        // Decimals of the same scale have the same representation for any precision.
        default: return reinterpreted(as: target)
        }
    }

    private func widened<From: BitwiseCopyable, To: BitwiseCopyable>(
        _ target: FieldType,
        _ widen: (From) -> To
    ) -> ColumnVector {
        let source = pointer(as: From.self)
        let wide = Buffer.filled(count: count * MemoryLayout<To>.size) { bytes in
            guard let out = bytes.baseAddress?.assumingMemoryBound(to: To.self) else { return }
            for row in 0..<count { out[row] = widen(source[row]) }
        }
        return ColumnVector(type: target, count: count, validity: validity, values: wide)
    }
}
