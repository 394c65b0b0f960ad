extension Scalar {
    /// The value converted to `type` by Iceberg's promotions, or to a narrower type if it fits. Nil if it cannot be
    /// converted.
    ///
    /// Values in metadata have the type their column had when they were written.
    public func converted(to type: FieldType) -> Scalar? {
        switch (self, type) {
        case (.null, _), (.boolean, .boolean), (.int, .int), (.long, .long), (.float, .float), (.double, .double),
            (.date, .date), (.time, .time), (.timestamp, .timestamp), (.timestamptz, .timestamptz),
            (.string, .string), (.uuid, .uuid), (.binary, .binary):
            self
        case (.int(let value), .long): .long(Int64(value))
        case (.long(let value), .int): Int32(exactly: value).map { .int($0) }
        case (.float(let value), .double): .double(Double(value))
        case (.double(let value), .float):
            value.isNaN ? .float(.nan) : Double(Float(value)) == value ? .float(Float(value)) : nil
        case (.decimal(_, let scale), .decimal(_, let wanted)): scale == wanted ? self : nil
        case (.fixed(let bytes), .fixed(let length)): bytes.count == length ? self : nil
        default: nil
        }
    }

    /// Approximate bytes of the value in a column.
    var byteCount: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .fixed(let bytes), .binary(let bytes): bytes.count
        default: 16
        }
    }
}

extension ColumnVector {
    /// A column with the same value in every row. Nil when the value cannot be converted to the type.
    public static func constant(_ value: Scalar, _ type: FieldType, count: Int) -> ColumnVector? {
        guard let value = value.converted(to: type) else { return nil }
        if value == .null { return .nulls(type, count: count) }
        var builder = ColumnBuilder(type, capacity: count)
        for _ in 0..<count { builder.append(value) }
        return builder.finish()
    }
}
