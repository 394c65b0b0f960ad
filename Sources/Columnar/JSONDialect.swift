/// The encoding of values in JSON.
public enum JSONDialect: Sendable, Equatable {
    /// Iceberg's single-value serialization: decimals, dates, times, timestamps, uuids and bytes (in hexadecimal) are
    /// strings.
    case iceberg
    /// As Flink writes events: decimals are numbers with all their digits, bytes are base64; all else as in `iceberg`.
    case events
    /// The log store's payload, byte for byte as Amoro's Java writers produce it (mixed format, section 8.2): decimals
    /// are numbers without trailing zeros, bytes and uuids are base64, fractions of seconds are as short as possible.
    case logStore
}

/// The encoding of a `FieldType` in a dialect, without nested cases, so that a switch per value does no reference
/// counting.
enum JSONType {
    case boolean, int, long, float, double, date, time, timestamp, timestamptz, string, uuid, binary
    case decimal(scale: Int)
    case fixed(Int)
    // Used by `logStore`.
    case javaFloat, javaDouble, javaString, javaTime, sqlTimestamp, instant, base64
    case javaDecimal(scale: Int)
    // Used by `events`.
    case number(scale: Int)
    case fixedBase64(Int)

    init(_ type: FieldType, _ dialect: JSONDialect) {
        self =
            switch dialect {
            case .iceberg: Self.iceberg(type)
            case .events: Self.events(type)
            case .logStore: Self.logStore(type)
            }
    }

    private static func logStore(_ type: FieldType) -> JSONType {
        switch type {
        case .float: .javaFloat
        case .double: .javaDouble
        case .decimal(_, let scale): .javaDecimal(scale: scale)
        case .time: .javaTime
        case .timestamp: .sqlTimestamp
        case .timestamptz: .instant
        case .string: .javaString
        case .uuid: .fixedBase64(16)
        case .fixed(let length): .fixedBase64(length)
        case .binary: .base64
        case .boolean, .int, .long, .date, .list, .map, .structure, .other: iceberg(type)
        }
    }

    private static func events(_ type: FieldType) -> JSONType {
        switch type {
        case .decimal(_, let scale): .number(scale: scale)
        case .fixed(let length): .fixedBase64(length)
        case .binary: .base64
        default: iceberg(type)
        }
    }

    private static func iceberg(_ type: FieldType) -> JSONType {
        switch type {
        case .boolean: .boolean
        case .int: .int
        case .long: .long
        case .float: .float
        case .double: .double
        case .decimal(_, let scale): .decimal(scale: scale)
        case .date: .date
        case .time: .time
        case .timestamp: .timestamp
        case .timestamptz: .timestamptz
        case .string: .string
        case .uuid: .uuid
        case .fixed(let length): .fixed(length)
        case .binary: .binary
        case .list, .map, .structure, .other: preconditionFailure("\(type) is not held in column vectors")
        }
    }
}
