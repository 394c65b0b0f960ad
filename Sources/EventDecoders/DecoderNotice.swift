import ChangeEvents

/// A finding about a source table that should be shown to the user.
public enum DecoderNotice: Sendable, Equatable {
    /// The unit of a column's integers was not configured and was derived from its values, the first of which is
    /// `value`.
    case derivedUnit(SourceColumn, TimeUnit, value: Int64)
    /// The records have a column that no destination has.
    case extraColumn(SourceTable, name: String)
    /// A column of the records is matched to a destination column that differs only in case.
    case otherCase(SourceTable, name: String, column: String)
    /// A column of the records is left out where the exact name of a destination column, which differs only in case, is
    /// there, too.
    case shadowedCase(SourceTable, name: String, column: String)
    /// With the configured unit the column's times in a batch are in January 1970, and none is usual; the first of them,
    /// `value`, is usual in the larger unit. Reported once for a column.
    case earlyTimes(SourceColumn, TimeUnit, larger: LargerUnit, value: Int64, offset: Int64)
    /// The source table was truncated. The destinations are not changed.
    case truncated(SourceTable, offset: Int64)
}
