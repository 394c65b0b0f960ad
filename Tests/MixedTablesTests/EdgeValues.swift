import Columnar

/// A few values of every type, including its extremes: few enough to partition by.
enum EdgeValues {
    static func of(_ type: FieldType) -> [Scalar] {
        switch type {
        case .boolean: return [.boolean(true), .boolean(false)]
        case .int: return [.int(.min), .int(.max), .int(0), .int(-1), .int(42)]
        case .long: return [.long(.min), .long(.max), .long(0), .long(-11), .long(1 << 53 + 1)]
        case .float:
            return [
                .float(.nan), .float(.infinity), .float(-.infinity), .float(-0.0), .float(0.1),
                .float(.leastNonzeroMagnitude), .float(-.greatestFiniteMagnitude),
            ]
        case .double:
            return [
                .double(.nan), .double(.infinity), .double(-.infinity), .double(-0.0), .double(0.1),
                .double(.leastNonzeroMagnitude), .double(.greatestFiniteMagnitude),
            ]
        case .decimal(let precision, let scale):
            var limit: Int128 = 1
            for _ in 0..<precision { limit *= 10 }
            return [limit - 1, 1 - limit, 0, -1, limit / 3].map { .decimal($0, scale: scale) }
        case .date: return [.date(-719_162), .date(2_932_896), .date(-1), .date(0), .date(19_782)]
        case .time: return [.time(0), .time(86_399_999_999), .time(43_200_000_001)]
        case .timestamp: return instants.map { .timestamp($0) }
        case .timestamptz: return instants.map { .timestamptz($0) }
        case .string:
            // "null" is also how a missing value is spelled in a partition's path.
            return [
                "", "null", "ü\u{1F600}x", "line\nbreak \"quoted\"\\", "日本語", "a/b=c d%",
                String(repeating: "x", count: 300),
            ].map { .string($0) }
        case .uuid: return [.uuid(0), .uuid(.max), .uuid(0x1234_5678_9abc_def0 << 64 | 7)]
        case .binary: return [.binary([]), .binary([0]), .binary([255, 0, 1]), .binary(Array(0...40))]
        case .fixed(let length):
            return [.fixed([UInt8](repeating: 0, count: length)), .fixed([UInt8](repeating: 255, count: length))]
        case .list, .map, .structure, .other: return [.null]
        }
    }

    // 0001-01-01, 9999-12-31, around 1970 and a day of 2023; microseconds.
    private static let instants: [Int64] = [
        -62_135_596_800_000_000, 253_402_300_799_999_999, -1, 0, 1_700_000_000_123_456,
    ]

    /// Columns of every type; `id` is the key.
    static let fields: [(String, FieldType)] =
        [
            ("id", .long), ("flag", .boolean), ("small", .int), ("large", .long), ("score", .float),
            ("ratio", .double), ("digit", .decimal(precision: 1, scale: 0)),
            ("price", .decimal(precision: 9, scale: 2)), ("exact", .decimal(precision: 18, scale: 6)),
            ("wide", .decimal(precision: 19, scale: 0)), ("huge", .decimal(precision: 38, scale: 38)), ("day", .date),
            ("clock", .time), ("local", .timestamp), ("instant", .timestamptz), ("name", .string), ("photo", .binary),
            ("mark", .fixed(5)), ("token", .uuid),
        ]
}
