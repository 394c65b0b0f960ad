import Values

extension ColumnVector {
    /// The value of one row. Too slow for loops over rows.
    public func scalar(_ row: Int) -> Scalar {
        if isNull(row) { return .null }
        switch type {
        case .boolean: return .boolean(boolean(row))
        case .int: return .int(pointer(as: Int32.self)[row])
        case .date: return .date(pointer(as: Int32.self)[row])
        case .long: return .long(pointer(as: Int64.self)[row])
        case .time: return .time(pointer(as: Int64.self)[row])
        case .timestamp: return .timestamp(pointer(as: Int64.self)[row])
        case .timestamptz: return .timestamptz(pointer(as: Int64.self)[row])
        case .float: return .float(pointer(as: Float.self)[row])
        case .double: return .double(pointer(as: Double.self)[row])
        case .decimal(_, let scale): return .decimal(pointer(as: Int128.self)[row], scale: scale)
        case .uuid: return .uuid(UInt128(bigEndian: pointer(as: UInt128.self)[row]))
        case .fixed(let length):
            return .fixed(Array(UnsafeRawBufferPointer(start: values.base + row * length, count: length)))
        case .string: return .string(String(decoding: bytes(row), as: UTF8.self))
        case .binary: return .binary(Array(bytes(row)))
        case .list, .map, .structure, .other: return .null
        }
    }
}

extension ColumnBuilder {
    /// Appends a value whose case matches the builder's type; `null` fits every type.
    public mutating func append(_ scalar: Scalar) {
        switch scalar {
        case .null: appendNull()
        case .boolean(let value): append(value)
        case .int(let value), .date(let value): append(value)
        case .long(let value), .time(let value), .timestamp(let value), .timestamptz(let value): append(value)
        case .float(let value): append(value)
        case .double(let value): append(value)
        case .decimal(let value, _): append(value)
        case .uuid(let value): append(value.bigEndian)
        case .string(let value): append(value)
        case .fixed(let value), .binary(let value): value.withUnsafeBytes { append($0) }
        }
    }
}
