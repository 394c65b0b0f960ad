import ChangeEvents

/// A column whose time unit could not be determined.
public struct UnitDoubt: Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        /// No value of the batch determines the unit.
        case unclear
        /// An earlier value of the batch matches the first unit, this value the second.
        case mixed(TimeUnit, earlier: Int64, TimeUnit)
        /// The column is read with the first unit, but this value matches the second.
        case contradicted(TimeUnit, TimeUnit)
    }

    public let column: SourceColumn
    public let reason: Reason
    public let value: Int64
    /// The offset of the value's record.
    public let offset: Int64
}
