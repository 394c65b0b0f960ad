import ChangeEvents

/// Something a decoder found out about a source table that a person should know.
public enum DecoderNotice: Sendable, Equatable {
    /// Nothing says what the integers of a column count; its values do, `value` first.
    case derivedUnit(SourceColumn, TimeUnit, value: Int64)
    /// The records have a column that no destination has.
    case extraColumn(SourceTable, name: String)
    /// A column of the records is taken for one of the destinations that differs from it in case alone.
    case otherCase(SourceTable, name: String, column: String)
    /// It is taken for it no longer: another column of the records is that one, or could be.
    case ambiguousCase(SourceTable, name: String, column: String)
    /// All rows of the source table were deleted at once, which changes nothing in the destinations.
    case truncated(SourceTable, offset: Int64)
}
