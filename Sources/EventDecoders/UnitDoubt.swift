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
        /// Read with the first unit, the column's times in the batch are in January 1970, and none is usual; in the
        /// second unit they are.
        case early(TimeUnit, LargerUnit)
    }

    public let column: SourceColumn
    public let reason: Reason
    public let value: Int64
    /// The offset of the value's record.
    public let offset: Int64
}

/// A unit that integers for a smaller unit look like. No column is read in seconds.
public enum LargerUnit: Sendable, Equatable {
    case seconds
    case unit(TimeUnit)

    /// The range in which integers are usual as seconds: the years 1979 to 2199.
    public static let usualSeconds: ClosedRange<Int64> = 283_996_800...7_258_118_400
}
