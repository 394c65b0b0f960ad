import Columnar

extension Scalar {
    /// Iceberg's order of values of one type: text by code points, bytes unsigned. False across types and for null.
    public func isLess(than other: Scalar) -> Bool {
        switch (self, other) {
        case (.boolean(let a), .boolean(let b)): !a && b
        case (.int(let a), .int(let b)), (.date(let a), .date(let b)), (.int(let a), .date(let b)),
            (.date(let a), .int(let b)):
            a < b
        case (.long(let a), .long(let b)), (.time(let a), .time(let b)), (.timestamp(let a), .timestamp(let b)),
            (.timestamptz(let a), .timestamptz(let b)):
            a < b
        case (.int(let a), .long(let b)): Int64(a) < b
        case (.long(let a), .int(let b)): a < Int64(b)
        case (.float(let a), .float(let b)): a < b
        case (.double(let a), .double(let b)): a < b
        case (.float(let a), .double(let b)): Double(a) < b
        case (.double(let a), .float(let b)): a < Double(b)
        case (.decimal(let a, let scaleA), .decimal(let b, let scaleB)): scaleA == scaleB && a < b
        case (.string(let a), .string(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
        case (.uuid(let a), .uuid(let b)): a < b
        case (.fixed(let a), .fixed(let b)), (.binary(let a), .binary(let b)): a.lexicographicallyPrecedes(b)
        default: false
        }
    }
}
