/// One value outside a column: a literal, a bound, a partition value, a lookup key.
public enum Scalar: Hashable, Sendable {
    case null
    case boolean(Bool)
    case int(Int32)
    case long(Int64)
    case float(Float)
    case double(Double)
    /// Unscaled value and scale.
    case decimal(Int128, scale: Int)
    case date(Int32)
    case time(Int64)
    case timestamp(Int64)
    case timestamptz(Int64)
    case string(String)
    /// Big-endian: the first byte of the text form is the most significant.
    case uuid(UInt128)
    case fixed([UInt8])
    case binary([UInt8])
}
