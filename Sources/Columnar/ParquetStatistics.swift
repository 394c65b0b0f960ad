import CArrowShim

/// How a file stores one of its columns.
struct ParquetColumn: Sendable {
    let name: String
    /// −1 when the column has none.
    let fieldID: Int
    let format: ArrowFormat
    /// Parquet's physical type number.
    let physicalType: Int32
    let isUUID: Bool
    /// Index among the file's leaf columns; −1 when nested.
    let leaf: Int32
    let isRequired: Bool
    /// The corresponding column type of a table.
    let type: FieldType
}

/// Bounds and counts of one column in one row group, from the file's footer.
struct ParquetStatistics {
    let compressedSize: Int64
    let valueCount: Int64
    /// Nil when the file does not contain it.
    let nullCount: Int64?
    /// In the file's type; nil when absent or unusable (NaN).
    let lower: Scalar?
    let upper: Scalar?

    /// A footer does not record whether a column contains NaN.
    var bounds: ColumnBounds {
        ColumnBounds(
            lower: lower,
            upper: upper,
            valueCount: valueCount,
            nullCount: nullCount,
            mayHoldNaN: mayHoldNaN
        )
    }

    private let mayHoldNaN: Bool

    init(_ chunk: weir_parquet_chunk, of column: ParquetColumn) {
        compressedSize = chunk.compressed_size
        mayHoldNaN = column.type.isFloating
        valueCount = chunk.value_count
        nullCount = chunk.null_count >= 0 ? chunk.null_count : nil
        let bounds = [(chunk.minimum, chunk.minimum_length), (chunk.maximum, chunk.maximum_length)].map {
            $1 >= 0 ? Self.decode(UnsafeRawBufferPointer(start: $0, count: Int($1)), column) : nil
        }
        lower = bounds[0]
        upper = bounds[1]
    }

    /// A bound in Parquet's PLAIN encoding (without the length that byte arrays carry in pages).
    private static func decode(_ bytes: UnsafeRawBufferPointer, _ column: ParquetColumn) -> Scalar? {
        func number<T: BitwiseCopyable>(_ type: T.Type) -> T? {
            bytes.count == MemoryLayout<T>.size ? bytes.loadUnaligned(as: T.self) : nil
        }
        func micros(_ unit: ArrowFormat.Unit) -> Int64? {
            guard let value = number(Int64.self) else { return nil }
            if unit == .nanoseconds { return value.floorDivided(by: 1000) }
            let scaled = value.multipliedReportingOverflow(by: 1_000_000 / unit.rawValue)
            return scaled.overflow ? nil : scaled.partialValue
        }
        switch column.format {
        case .boolean: return bytes.count == 1 ? .boolean(bytes[0] != 0) : nil
        case .signed(8): return number(Int64.self).map { .long($0) }
        case .signed: return number(Int32.self).map { .int($0) }
        case .float: return number(Float.self).flatMap { $0.isNaN ? nil : .float($0) }
        case .double: return number(Double.self).flatMap { $0.isNaN ? nil : .double($0) }
        case .date32: return number(Int32.self).map { .date($0) }
        case .time32(let unit): return number(Int32.self).map { .time(Int64($0) * (1_000_000 / unit.rawValue)) }
        case .time64(let unit): return micros(unit).map { .time($0) }
        case .timestamp(let unit, let hasZone): return micros(unit).map { hasZone ? .timestamptz($0) : .timestamp($0) }
        case .decimal128(_, let scale): return decimal(bytes, column.physicalType).map { .decimal($0, scale: scale) }
        case .utf8, .largeUTF8:
            return String(validating: bytes, as: UTF8.self).map { .string($0) }
        case .binary, .largeBinary: return .binary(Array(bytes))
        case .fixedBinary(let width):
            guard bytes.count == width else { return nil }
            if column.isUUID { return number(UInt128.self).map { .uuid(UInt128(bigEndian: $0)) } }
            return .fixed(Array(bytes))
        // Unsigned numbers sort differently from the signed numbers they would be converted to.
        case .unsigned, .structure, .unknown: return nil
        }
    }

    /// Decimals are stored as int32, int64 or big-endian bytes of any length.
    private static func decimal(_ bytes: UnsafeRawBufferPointer, _ physicalType: Int32) -> Int128? {
        switch (physicalType, bytes.count) {
        case (1, 4): return Int128(bytes.loadUnaligned(as: Int32.self))
        case (2, 8): return Int128(bytes.loadUnaligned(as: Int64.self))
        case (6, 1...16), (7, 1...16):
            let start: Int128 = bytes[0] & 0x80 == 0 ? 0 : -1
            return bytes.reduce(start) { $0 << 8 | Int128($1) }
        default: return nil
        }
    }
}
