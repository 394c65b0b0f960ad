import CJSONShim
import ChangeEvents
import Columnar

extension weir_json_options {
    /// Options for values in the form of the log store.
    static var logStore: weir_json_options {
        var options = weir_json_options()
        options.is_log_store = true
        return options
    }

    /// Calls `body` with the options. They contain pointers that are valid only during the call.
    static func with<Result>(
        _ options: DebeziumJSONOptions,
        _ body: (weir_json_options) -> Result
    ) -> Result {
        Array(options.unavailableValue.utf8).withUnsafeBufferPointer { placeholder in
            body(
                weir_json_options(
                    decimal_text: weir_json_decimal_text(options.decimalText),
                    unavailable: placeholder.baseAddress,
                    unavailable_count: placeholder.count,
                    is_log_store: false,
                    skips_registry_header: options.skipsRegistryHeader
                )
            )
        }
    }
}

extension weir_json_unit {
    init(_ unit: TimeUnit) {
        switch unit {
        case .milliseconds: self = WEIR_JSON_MILLIS
        case .microseconds: self = WEIR_JSON_MICROS
        case .nanoseconds: self = WEIR_JSON_NANOS
        }
    }
}

extension TimeUnit {
    /// Nil for a unit that is not derived yet, and for seconds.
    init?(_ unit: weir_json_unit) {
        switch unit {
        case WEIR_JSON_MILLIS: self = .milliseconds
        case WEIR_JSON_MICROS: self = .microseconds
        case WEIR_JSON_NANOS: self = .nanoseconds
        default: return nil
        }
    }
}

extension weir_json_decimal_text {
    init(_ text: DebeziumJSONOptions.DecimalText) {
        switch text {
        case .numberOrBase64: self = WEIR_JSON_NUMBER_OR_BASE64
        case .number: self = WEIR_JSON_NUMBER_TEXT
        case .base64: self = WEIR_JSON_BASE64
        }
    }
}

extension weir_json_column {
    /// A column whose name pointer is set later; nil for nested types, which have no column vector.
    init?(_ field: Field) {
        guard let type = weir_json_type(field.type) else { return nil }
        self.init()
        name_count = field.name.utf8.count
        self.type = type
        switch field.type {
        case .decimal(let precision, let scale):
            self.precision = Int32(precision)
            self.scale = Int32(scale)
        case .fixed(let length): self.length = Int32(length)
        default: break
        }
    }
}

extension weir_json_type {
    /// Nil for nested types, which have no column vector.
    init?(_ type: FieldType) {
        switch type {
        case .boolean: self = WEIR_JSON_BOOLEAN
        case .int: self = WEIR_JSON_INT
        case .long: self = WEIR_JSON_LONG
        case .float: self = WEIR_JSON_FLOAT
        case .double: self = WEIR_JSON_DOUBLE
        case .decimal: self = WEIR_JSON_DECIMAL
        case .date: self = WEIR_JSON_DATE
        case .time: self = WEIR_JSON_TIME
        case .timestamp: self = WEIR_JSON_TIMESTAMP
        case .timestamptz: self = WEIR_JSON_TIMESTAMPTZ
        case .string: self = WEIR_JSON_STRING
        case .uuid: self = WEIR_JSON_UUID
        case .fixed: self = WEIR_JSON_FIXED
        case .binary: self = WEIR_JSON_BINARY
        case .list, .map, .structure, .other: return nil
        }
    }
}
