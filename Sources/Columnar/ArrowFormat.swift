/// The Arrow type of a column, from a format string of the C Data Interface.
enum ArrowFormat: Hashable, Sendable {
    enum Unit: Int64, Sendable {
        case seconds = 1, milliseconds = 1_000, microseconds = 1_000_000, nanoseconds = 1_000_000_000
    }

    case boolean
    /// Width in bytes.
    case signed(Int), unsigned(Int)
    case float, double
    case decimal128(precision: Int, scale: Int)
    case date32
    case time32(Unit), time64(Unit)
    case timestamp(Unit, hasZone: Bool)
    case utf8, binary
    case largeUTF8, largeBinary
    case fixedBinary(Int)
    case structure
    case unknown(String)

    init(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let detail = parts.count > 1 ? parts[1] : ""
        self =
            switch parts[0] {
            case "b": .boolean
            case "c": .signed(1)
            case "s": .signed(2)
            case "i": .signed(4)
            case "l": .signed(8)
            case "C": .unsigned(1)
            case "S": .unsigned(2)
            case "I": .unsigned(4)
            case "L": .unsigned(8)
            case "f": .float
            case "g": .double
            case "u": .utf8
            case "z": .binary
            case "U": .largeUTF8
            case "Z": .largeBinary
            case "tdD": .date32
            case "tts": .time32(.seconds)
            case "ttm": .time32(.milliseconds)
            case "ttu": .time64(.microseconds)
            case "ttn": .time64(.nanoseconds)
            case "tss": .timestamp(.seconds, hasZone: !detail.isEmpty)
            case "tsm": .timestamp(.milliseconds, hasZone: !detail.isEmpty)
            case "tsu": .timestamp(.microseconds, hasZone: !detail.isEmpty)
            case "tsn": .timestamp(.nanoseconds, hasZone: !detail.isEmpty)
            case "w": Int(detail).map { .fixedBinary($0) } ?? .unknown(text)
            case "d": Self.decimal(detail) ?? .unknown(text)
            case "+s": .structure
            default: .unknown(text)
            }
    }

    private static func decimal(_ detail: String) -> ArrowFormat? {
        let numbers = detail.split(separator: ",").map { Int($0) }
        guard numbers.count == 2 || (numbers.count == 3 && numbers[2] == 128), let precision = numbers[0],
            let scale = numbers[1], 1...38 ~= precision, 0...precision ~= scale
        else { return nil }
        return .decimal128(precision: precision, scale: scale)
    }

    /// The format string with which a column of this type is exported.
    static func text(of type: FieldType) -> String {
        switch type {
        case .boolean: "b"
        case .int: "i"
        case .long: "l"
        case .float: "f"
        case .double: "g"
        case .decimal(let precision, let scale): "d:\(precision),\(scale)"
        case .date: "tdD"
        case .time: "ttu"
        case .timestamp: "tsu:"
        case .timestamptz: "tsu:UTC"
        case .string: "u"
        case .uuid: "w:16"
        case .fixed(let length): "w:\(length)"
        case .binary: "z"
        case .list, .map, .structure, .other: preconditionFailure("\(type) is not held in column vectors")
        }
    }

    /// The closest column type, for showing a file's schema.
    var nearestType: FieldType {
        switch self {
        case .boolean: .boolean
        case .signed(8), .unsigned(4): .long
        case .signed, .unsigned(1), .unsigned(2): .int
        case .unsigned: .other("unsigned long")
        case .float: .float
        case .double: .double
        case .decimal128(let precision, let scale): .decimal(precision: precision, scale: scale)
        case .date32: .date
        case .time32, .time64: .time
        case .timestamp(_, let hasZone): hasZone ? .timestamptz : .timestamp
        case .utf8, .largeUTF8: .string
        case .binary, .largeBinary: .binary
        case .fixedBinary(let length): .fixed(length)
        case .structure: .structure([])
        case .unknown(let text): .other(text)
        }
    }
}
