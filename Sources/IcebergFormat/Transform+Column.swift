import Bytes
import Columnar
import Values

extension Transform {
    /// The transformed column, of type `resultType(for:)`; nulls stay null.
    public func apply(_ column: ColumnVector) throws(WeirError) -> ColumnVector {
        let result = try requireResultType(for: column.type)
        switch self {
        case .identity: return column
        case .void: return .nulls(column.type, count: column.count)
        case .bucket(let count): return bucketed(column, Int32(truncatingIfNeeded: count))
        case .truncate(let width): return truncated(column, width)
        case .year: return temporal(column, result) { CivilTime.years(day: $0) }
        case .month: return temporal(column, result) { CivilTime.months(day: $0) }
        case .day: return temporal(column, result) { $0 }
        case .hour:
            return mapped(column, result, from: Int64.self) { CivilTime.hours($0) }
        case .other: throw WeirError(.unsupported, "transform '\(self)' is not known to this version")
        }
    }

    @inline(__always)
    private func mapped<Source: BitwiseCopyable, Result: BitwiseCopyable>(
        _ column: ColumnVector,
        _ type: FieldType,
        from: Source.Type,
        _ transform: (Source) -> Result
    ) -> ColumnVector {
        let source = column.pointer(as: Source.self)
        let count = column.count
        let values = Buffer.filled(count: count * MemoryLayout<Result>.stride) { target in
            guard let base = target.baseAddress else { return }
            let out = base.assumingMemoryBound(to: Result.self)
            for row in 0..<count { out[row] = transform(source[row]) }
        }
        return ColumnVector(type: type, count: count, validity: column.validity, values: values)
    }

    @inline(__always)
    private func temporal(_ column: ColumnVector, _ type: FieldType, _ ofDay: (Int32) -> Int32) -> ColumnVector {
        column.type == .date
            ? mapped(column, type, from: Int32.self) { ofDay($0) }
            : mapped(column, type, from: Int64.self) { ofDay(CivilTime.split($0).day) }
    }

    private func bucketed(_ column: ColumnVector, _ count: Int32) -> ColumnVector {
        switch column.type {
        case .int, .date:
            mapped(column, .int, from: Int32.self) { (Murmur3.hash(Int64($0)) & .max) % count }
        case .decimal:
            mapped(column, .int, from: Int128.self) { (Self.hash($0) & .max) % count }
        case .string, .binary:
            perRow(column) { (Murmur3.hash(column.bytes($0)) & .max) % count }
        case .uuid: fixedBucketed(column, width: 16, count)
        case .fixed(let width): fixedBucketed(column, width: width, count)
        default:
            mapped(column, .int, from: Int64.self) { (Murmur3.hash($0) & .max) % count }
        }
    }

    private func fixedBucketed(_ column: ColumnVector, width: Int, _ count: Int32) -> ColumnVector {
        perRow(column) { row in
            let bytes = UnsafeRawBufferPointer(start: column.values.base + row * width, count: width)
            return (Murmur3.hash(bytes) & .max) % count
        }
    }

    @inline(__always)
    private func perRow(_ column: ColumnVector, _ value: (Int) -> Int32) -> ColumnVector {
        let values = Buffer.filled(count: column.count * 4) { target in
            guard let base = target.baseAddress else { return }
            let out = base.assumingMemoryBound(to: Int32.self)
            for row in 0..<column.count { out[row] = value(row) }
        }
        return ColumnVector(type: .int, count: column.count, validity: column.validity, values: values)
    }

    private func truncated(_ column: ColumnVector, _ width: Int) -> ColumnVector {
        switch column.type {
        case .int:
            let step = Int32(truncatingIfNeeded: width)
            return mapped(column, .int, from: Int32.self) { Self.floor($0, step) }
        case .long: return mapped(column, .long, from: Int64.self) { Self.floor($0, Int64(width)) }
        case .decimal: return mapped(column, column.type, from: Int128.self) { Self.floor($0, Int128(width)) }
        default:
            let isText = column.type == .string
            var builder = ColumnBuilder(column.type, capacity: column.count)
            for row in 0..<column.count {
                if column.isNull(row) {
                    builder.appendNull()
                } else {
                    let bytes = column.bytes(row)
                    let length = isText ? Self.byteCount(of: bytes, codePoints: width) : min(width, bytes.count)
                    builder.append(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
                }
            }
            return builder.finish()
        }
    }

    /// The length in bytes of the first `codePoints` code points of UTF-8 text, up to the start of the next one.
    private static func byteCount(of bytes: UnsafeRawBufferPointer, codePoints: Int) -> Int {
        if bytes.count <= codePoints { return bytes.count }
        var started = 0
        for (index, byte) in bytes.enumerated() where byte & 0xc0 != 0x80 {
            if started == codePoints { return index }
            started += 1
        }
        return bytes.count
    }
}
