/// The type of a column, named as in Iceberg.
public enum FieldType: Hashable, Sendable {
    case boolean
    case int
    case long
    case float
    case double
    case decimal(precision: Int, scale: Int)
    /// Days since 1970-01-01.
    case date
    /// Microseconds since midnight.
    case time
    /// Microseconds since 1970-01-01 00:00:00, without a zone.
    case timestamp
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    case timestamptz
    case string
    case uuid
    /// Exactly this many bytes.
    case fixed(Int)
    case binary
    indirect case list(element: Field)
    indirect case map(key: Field, value: Field)
    case structure([Field])
    /// A type of a later format version, kept by its name so that the table still opens.
    case other(String)

    /// The memory layout of a column's values.
    public enum Layout: Hashable, Sendable {
        /// One bit per row, least significant first.
        case bits
        /// This many bytes per row, little-endian.
        case fixedWidth(Int)
        /// 32-bit offsets into one arena of bytes.
        case variableWidth
        /// Has child columns; not supported by column vectors.
        case nested
    }

    public var layout: Layout {
        switch self {
        case .boolean: .bits
        case .int, .date, .float: .fixedWidth(4)
        case .long, .double, .time, .timestamp, .timestamptz: .fixedWidth(8)
        case .decimal, .uuid: .fixedWidth(16)
        case .fixed(let length): .fixedWidth(length)
        case .string, .binary: .variableWidth
        case .list, .map, .structure, .other: .nested
        }
    }

    public var isPrimitive: Bool { layout != .nested }

    /// Whether a file column of this type may be read as `target`: Iceberg's promotions.
    public func canPromote(to target: FieldType) -> Bool {
        switch (self, target) {
        case (.int, .long), (.float, .double): true
        case (.decimal(let from, let scale), .decimal(let to, let targetScale)): scale == targetScale && from <= to
        default: self == target
        }
    }
}

extension FieldType: CustomStringConvertible {
    /// The name as Iceberg metadata and topology files write it.
    public var description: String {
        switch self {
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
        case .date: "date"
        case .time: "time"
        case .timestamp: "timestamp"
        case .timestamptz: "timestamptz"
        case .string: "string"
        case .uuid: "uuid"
        case .fixed(let length): "fixed[\(length)]"
        case .binary: "binary"
        case .list(let element): "list<\(element.type)>"
        case .map(let key, let value): "map<\(key.type),\(value.type)>"
        case .structure(let fields): "struct<\(fields.map { "\($0.name): \($0.type)" }.joined(separator: ", "))>"
        case .other(let name): name
        }
    }

    /// Parses the name of a primitive type: `decimal(12,2)`, `fixed(16)` and `fixed[16]` included. Nil when unknown.
    public init?(primitive text: String) {
        let name = text.lowercased().filter { $0 != " " }
        switch name {
        case "boolean": self = .boolean
        case "int": self = .int
        case "long": self = .long
        case "float": self = .float
        case "double": self = .double
        case "date": self = .date
        case "time": self = .time
        case "timestamp": self = .timestamp
        case "timestamptz": self = .timestamptz
        case "string": self = .string
        case "uuid": self = .uuid
        case "binary": self = .binary
        default:
            guard let open = name.firstIndex(where: { $0 == "(" || $0 == "[" }), let last = name.last,
                last == ")" || last == "]"
            else { return nil }
            let numbers = name[name.index(after: open)...].dropLast().split(separator: ",").map { Int($0) }
            switch (name[..<open], numbers.count) {
            case ("decimal", 2):
                guard let precision = numbers[0], let scale = numbers[1], 1...38 ~= precision, 0...precision ~= scale
                else { return nil }
                self = .decimal(precision: precision, scale: scale)
            case ("fixed", 1):
                guard let length = numbers[0], length > 0 else { return nil }
                self = .fixed(length)
            default: return nil
            }
        }
    }
}
