import ChangeEvents
import Columnar

/// How `debezium-json` reads values whose meaning the records themselves do not carry.
public struct DebeziumJSONOptions: Sendable {
    /// How text for a decimal column is read.
    public enum DecimalText: String, Sendable, CaseIterable {
        /// As a number when it reads as one, otherwise as base64 of the unscaled value in the column's scale, when it is
        /// padded as Java writes it and the value fits the column; anything else is refused. Base64 that looks like a
        /// number, such as `1234`, is taken for the number: say `base64` where the connector runs with
        /// `decimal.handling.mode=precise` and sends no schema block, and `number` where it never sends base64.
        case numberOrBase64 = "number-or-base64"
        case number
        case base64
    }

    /// For `time` columns without a schema block; nil derives it for each column from its values.
    public var timeUnit: TimeUnit?
    /// For `timestamp` and `timestamptz` columns without a schema block; nil derives it for each column from its values, of
    /// which one unit alone has to put some between 1979 and 2200.
    public var timestampUnit: TimeUnit?
    /// The same for single columns, by `column`, `table.column` or the table's whole identifier and the column.
    public var timeUnits: [String: TimeUnit] = [:]
    public var timestampUnits: [String: TimeUnit] = [:]
    /// For `decimal` columns without a schema block.
    public var decimalText = DecimalText.numberOrBase64
    /// What stands for a value that the source left out because it had not changed; Debezium's
    /// `unavailable.value.placeholder`. A column that gets it rejects the record.
    public var unavailableValue = Self.defaultUnavailableValue
    public static let defaultUnavailableValue = "__debezium_unavailable_value"
    /// Whether JSON is read behind the five bytes that a schema registry's serializers put in front of keys and values: a
    /// zero and the schema's id. Otherwise such a record is rejected.
    public var skipsRegistryHeader = false
    /// Bytes of a rejected record's key and of its value that are kept.
    public var rejectedBytes = 64 * 1024

    public init() {}

    /// What the options say a column of a source table counts; nil when they do not.
    func unit(of column: Field, in source: SourceTable) -> TimeUnit? {
        let isTimeOfDay = column.type == .time
        let units = isTimeOfDay ? timeUnits : timestampUnits
        let name = ".\(source.identifier).\(column.name)"
        // The longest name is the most exact.
        let told = units.filter { name.hasSuffix(".\($0.key)") }.max { $0.key.utf8.count < $1.key.utf8.count }
        return told?.value ?? (isTimeOfDay ? timeUnit : timestampUnit)
    }
}
