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
    /// The column is no longer matched ignoring case: another column of the records matches, or could match, too.
    case ambiguousCase(SourceTable, name: String, column: String)
    /// The source table was truncated. The destinations are not changed.
    case truncated(SourceTable, offset: Int64)
}
