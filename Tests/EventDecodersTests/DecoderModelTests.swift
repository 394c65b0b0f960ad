import Columnar
import EventLog
import Testing
import WeirTesting

@testable import EventDecoders

/// Random rows in the encodings of different converters are decoded unchanged.
struct DecoderModelTests {
    private static let schema = Schema([
        "id": .long, "flag": .boolean, "small": .int, "ratio": .double, "narrow": .float,
        "price": .decimal(precision: 20, scale: 4), "day": .date, "clock": .time, "local": .timestamp,
        "instant": .timestamptz, "text": .string, "bytes": .binary, "code": .fixed(5), "token": .uuid,
    ])

    /// The layout of a writer's events.
    private struct Style {
        let hasSchemaBlock: Bool
        let isShuffled: Bool
        let isSpaced: Bool
        let omitsNulls: Bool
        let escapesText: Bool
    }

    private func randomScalar(_ type: FieldType, _ random: inout SeededGenerator) -> Scalar {
        if type != .long, Int.random(in: 0..<5, using: &random) == 0 { return .null }
        let micros = Int64.random(in: -60_000_000_000_000_000...200_000_000_000_000_000, using: &random)
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
        switch type {
        case .boolean: return .boolean(Bool.random(using: &random))
        case .int: return .int(Int32.random(in: .min ... .max, using: &random))
        case .long: return .long(Int64.random(in: .min ... .max, using: &random))
        case .double: return .double(Double(bitPattern: UInt64.random(in: 0..<0x7ff0 << 48, using: &random)))
        case .float: return .float(Float(bitPattern: UInt32.random(in: 0x0080_0000..<0x7f80_0000, using: &random)))
        case .decimal:
            let limit = Int128(99_999_999_999) * 1_000_000_000
            return .decimal(Int128.random(in: -limit...limit, using: &random), scale: 4)
        case .date: return .date(Int32.random(in: -700_000...2_900_000, using: &random))
        case .time: return .time(Int64.random(in: 0..<86_400_000_000, using: &random))
        case .timestamp: return .timestamp(micros)
        case .timestamptz: return .timestamptz(micros)
        case .string:
            let alphabet = Array("abc \"\\/\n\té😀\u{1}z0")
            let count = Int.random(in: 0..<40, using: &random)
            return .string(
                String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            )
        case .binary: return .binary(bytes(Int.random(in: 0..<30, using: &random)))
        case .fixed(let length): return .fixed(bytes(length))
        case .uuid: return .uuid(UInt128.random(in: .min ... .max, using: &random))
        default: return .null
        }
    }

    private func quoted(_ text: String, escapingAll: Bool) -> String {
        if escapingAll {
            let units = text.utf16.map { unit in
                let hex = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }
            return "\"" + units.joined() + "\""
        }
        var json = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\t": json += "\\t"
            case _ where character.value < 0x20: json += "\\u000\(String(character.value, radix: 16))"
            default: json.unicodeScalars.append(character)
            }
        }
        return json + "\""
    }

    private func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0...group.count { text.append(digits[bits >> (18 - 6 * index) & 63]) }
            text += String(repeating: "=", count: 3 - group.count)
        }
        return text
    }

    private func json(_ value: Scalar, _ style: Style) -> String {
        switch value {
        case .null: "null"
        case .boolean(let flag): style.isSpaced ? (flag ? "1" : "0") : "\(flag)"
        case .int(let value), .date(let value): "\(value)"
        case .long(let value), .time(let value), .timestamp(let value), .timestamptz(let value): "\(value)"
        case .double(let value): "\(value)"
        case .float(let value): "\(value)"
        case .decimal(let value, let scale):
            if style.hasSchemaBlock {
                "\"" + base64(withUnsafeBytes(of: value.bigEndian) { Array($0) }) + "\""
            } else if style.isSpaced {
                "\(value)e-\(scale)"
            } else {
                "\"\(value)E-\(scale)\""
            }
        case .string(let text): quoted(text, escapingAll: style.escapesText)
        case .binary(let bytes), .fixed(let bytes): "\"" + base64(bytes) + "\""
        case .uuid(let value):
            {
                let hex = String(value, radix: 16)
                var digits = Array(String(repeating: "0", count: 32 - hex.count) + hex)
                for index in [20, 16, 12, 8] { digits.insert("-", at: index) }
                return "\"" + String(digits) + "\""
            }()
        }
    }

    private func object(_ members: [(String, String)], _ style: Style, _ random: inout SeededGenerator) -> String {
        let space = style.isSpaced ? " \n" : ""
        let ordered = style.isShuffled ? members.shuffled(using: &random) : members
        return "{" + ordered.map { "\(space)\"\($0.0)\"\(space):\(space)\($0.1)" }.joined(separator: ",") + space + "}"
    }

    private func schemaBlock() -> String {
        let columns = Self.schema.fields.map { field -> String in
            let meaning =
                switch field.type {
                case .decimal: "\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"4\"},"
                case .date: "\"name\":\"io.debezium.time.Date\","
                case .time: "\"name\":\"io.debezium.time.MicroTime\","
                case .timestamp: "\"name\":\"io.debezium.time.MicroTimestamp\","
                default: ""
                }
            return "{\"type\":\"any\",\(meaning)\"field\":\"\(field.name)\"}"
        }
        let row = "{\"type\":\"struct\",\"fields\":[\(columns.joined(separator: ","))],\"field\":\"after\"}"
        return "{\"type\":\"struct\",\"fields\":[\(row)]}"
    }

    private func event(_ row: [Scalar], _ style: Style, _ random: inout SeededGenerator) -> String {
        let members = zip(Self.schema.fields, row).compactMap { field, value in
            style.omitsNulls && value == .null ? nil : (field.name, json(value, style))
        }
        let after = object(members + [("unknown", "[{\"id\":1}]")], style, &random)
        let source = object([("db", "\"d\""), ("x", "{}"), ("schema", "\"s\""), ("table", "\"t\"")], style, &random)
        let payload = object(
            [("before", "null"), ("after", after), ("source", source), ("op", "\"c\""), ("ts_ms", "1")],
            style,
            &random
        )
        guard style.hasSchemaBlock else { return payload }
        return object([("schema", schemaBlock()), ("payload", payload)], style, &random)
    }

    @Test
    func `random rows survive every writer's style`() throws {
        for seed in SeededGenerator.seeds(4) {
            var random = SeededGenerator(seed: seed)
            // The unit cannot be derived from random times.
            var options = DebeziumJSONOptions()
            options.timeUnit = .microseconds
            options.timestampUnit = .microseconds
            let decoder = DebeziumJSONDecoder(options: options) { _ in
                TableTarget(index: 0, schema: Self.schema, primaryKey: ["id"])
            }
            for _ in 0..<12 {
                let style = Style(
                    hasSchemaBlock: Bool.random(using: &random),
                    isShuffled: Bool.random(using: &random),
                    isSpaced: Bool.random(using: &random),
                    omitsNulls: Bool.random(using: &random),
                    escapesText: Bool.random(using: &random)
                )
                let rows = (0..<40).map { _ in Self.schema.fields.map { randomScalar($0.type, &random) } }
                let decoded = try decoder.decode(RawBatch(rows.map { Event(event($0, style, &random)) }))
                #expect(decoded.rejected.map(\.reason) == [], "seed \(seed)")
                let batch = try #require(decoded.changes.first).batch
                #expect(batch.count == rows.count)
                for (index, row) in rows.enumerated() where index < batch.count {
                    #expect(batch.rows.columns.map { $0.scalar(index) } == row, "seed \(seed), row \(index)")
                }
            }
        }
    }
}
