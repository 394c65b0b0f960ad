extension Scalar {
    /// Whether this value sorts before another of the same case, in the order of Iceberg and Parquet bounds: text by
    /// its UTF-8 bytes, bytes and uuids unsigned, decimals by numeric value. Nil if the two are not comparable
    /// (different types, a null, a NaN, decimals of different scale).
    public func precedes(_ other: Scalar) -> Bool? {
        switch (self, other) {
        case (.boolean(let a), .boolean(let b)): return !a && b
        case (.int(let a), .int(let b)), (.date(let a), .date(let b)): return a < b
        case (.long(let a), .long(let b)), (.time(let a), .time(let b)), (.timestamp(let a), .timestamp(let b)),
            (.timestamptz(let a), .timestamptz(let b)):
            return a < b
        case (.float(let a), .float(let b)): return a.isNaN || b.isNaN ? nil : a < b
        case (.double(let a), .double(let b)): return a.isNaN || b.isNaN ? nil : a < b
        case (.decimal(let a, let scale), .decimal(let b, let otherScale)): return scale == otherScale ? a < b : nil
        case (.string(let a), .string(let b)): return a.utf8.lexicographicallyPrecedes(b.utf8)
        case (.uuid(let a), .uuid(let b)): return a < b
        case (.fixed(let a), .fixed(let b)), (.binary(let a), .binary(let b)): return a.lexicographicallyPrecedes(b)
        default: return nil
        }
    }
}
