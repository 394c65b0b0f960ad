import ChangeEvents
import Columnar

/// How `debezium-json` reads values that the records themselves do not fully describe.
public struct DebeziumJSONOptions: Sendable {
    /// How text for a decimal column is read.
    public enum DecimalText: String, Sendable, CaseIterable {
        /// As a number; other text is refused.
        case number
        /// As base64 of the unscaled value in the column's scale: for connectors with `decimal.handling.mode=precise`
        /// that send no schema block.
        case base64
        /// As a number if the text is one, otherwise as base64 if it is padded as Java writes it and the value fits the
        /// column. Base64 that looks like a number, such as `1234`, is read as a number, and a word of four letters as
        /// base64.
        case numberOrBase64 = "number-or-base64"
    }

    /// The unit of `time` columns without a schema block; nil derives it for each column from its values.
    public var timeUnit: TimeUnit?
    /// The unit of `timestamp` and `timestamptz` columns without a schema block; nil derives it for each column from
    /// its values: it must be the only unit that puts some of them between 1979 and 2200.
    public var timestampUnit: TimeUnit?
    /// Units of single columns, by `column`, `table.column` or the table's full identifier and the column.
    public var timeUnits: [String: TimeUnit] = [:]
    public var timestampUnits: [String: TimeUnit] = [:]
    /// For `decimal` columns without a schema block.
    public var decimalText = DecimalText.number
    /// The placeholder for a value that the source left out because it did not change; Debezium's
    /// `unavailable.value.placeholder`. A record with this value in a column is rejected.
    public var unavailableValue = Self.defaultUnavailableValue
    public static let defaultUnavailableValue = "__debezium_unavailable_value"
    /// Whether to skip the five bytes that schema registry serializers put in front of JSON keys and values: a zero
    /// byte and the schema id. If false, such a record is rejected.
    public var skipsRegistryHeader = false
    /// The maximum number of bytes kept of a rejected record's key, and of its value.
    public var rejectedBytes = 64 * 1024

    public init() {}

    /// The configured unit of a source column; nil if the options do not set one.
    func unit(of column: Field, in source: SourceTable) -> TimeUnit? {
        let isTimeOfDay = column.type == .time
        let units = isTimeOfDay ? timeUnits : timestampUnits
        let name = ".\(source.identifier).\(column.name)"
        // The longest matching name is the most specific.
        let told = units.filter { name.hasSuffix(".\($0.key)") }.max { $0.key.utf8.count < $1.key.utf8.count }
        return told?.value ?? (isTimeOfDay ? timeUnit : timestampUnit)
    }
}
