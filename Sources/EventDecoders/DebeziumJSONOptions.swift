/// How `debezium-json` reads values whose meaning the records themselves do not carry.
public struct DebeziumJSONOptions: Sendable {
    /// What an integer counts.
    public enum TimeUnit: Sendable {
        case milliseconds
        case microseconds
        case nanoseconds
    }

    /// How text for a decimal column is read.
    public enum DecimalText: Sendable {
        /// As a number when it reads as one, otherwise as base64 of the unscaled value in the column's scale, when it is
        /// padded as Java writes it and the value fits the column; anything else is refused. Base64 that looks like a
        /// number, such as `1234`, is taken for the number: say `base64` where the connector runs with
        /// `decimal.handling.mode=precise` and sends no schema block, and `number` where it never sends base64.
        case numberOrBase64
        case number
        case base64
    }

    /// For `time` columns without a schema block.
    public var timeUnit = TimeUnit.microseconds
    /// For `timestamp` and `timestamptz` columns without a schema block.
    public var timestampUnit = TimeUnit.microseconds
    /// For `decimal` columns without a schema block.
    public var decimalText = DecimalText.numberOrBase64
    /// Bytes of a rejected record's key and of its value that are kept.
    public var rejectedBytes = 64 * 1024

    public init() {}
}
