import ChangeEvents

/// A column of which it cannot be told what its integers count.
public struct UnitDoubt: Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        /// No value of the batch tells.
        case unclear
        /// An earlier value of the batch looks like the first unit, this one like the other.
        case mixed(TimeUnit, earlier: Int64, TimeUnit)
        /// The column is read as the first unit, and this value looks like the other.
        case contradicted(TimeUnit, TimeUnit)
    }

    public let column: SourceColumn
    public let reason: Reason
    public let value: Int64
    /// Of the value's record.
    public let offset: Int64
}
