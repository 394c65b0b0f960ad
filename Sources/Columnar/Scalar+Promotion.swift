extension Scalar {
    /// The same value as one of `type`: along Iceberg's promotions, or back where the value fits. Nil when it is none.
    ///
    /// Values that metadata keeps are of the type their column had when they were written.
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

    /// Bytes one value takes in a column, about.
    var byteCount: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .fixed(let bytes), .binary(let bytes): bytes.count
        default: 16
        }
    }
}

extension ColumnVector {
    /// The same value in every row. Nil when the value is not of the type.
    public static func constant(_ value: Scalar, _ type: FieldType, count: Int) -> ColumnVector? {
        guard let value = value.converted(to: type) else { return nil }
        if value == .null { return .nulls(type, count: count) }
        var builder = ColumnBuilder(type, capacity: count)
        for _ in 0..<count { builder.append(value) }
        return builder.finish()
    }
}
