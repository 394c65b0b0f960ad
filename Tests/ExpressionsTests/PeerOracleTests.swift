import Columnar
import Expressions
import Foundation
import Testing
import WeirTesting

/// Functions compared with DuckDB's of the same name, and decimal arithmetic compared with exact fractions, over random
/// and extreme values.
@Suite(.enabled(if: Peers.shouldRun)) struct PeerOracleTests {
    struct Request: Encodable {
        struct Function: Encodable {
            let sql: String
            let types: [String]
            let rows: [[String?]]
        }
        var functions: [Function] = []
        var decimals: [[String]] = []

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(functions, forKey: .functions)
            var list = container.nestedUnkeyedContainer(forKey: .decimals)
            for row in decimals {
                var cells = list.nestedUnkeyedContainer()
                for (index, cell) in row.enumerated() {
                    // Operation and unscaled values as text, scales and precision as numbers.
                    if [0, 1, 3].contains(index) { try cells.encode(cell) } else { try cells.encode(Int(cell)) }
                }
            }
        }

        private enum Key: CodingKey { case functions, decimals }
    }

    struct Answer: Decodable {
        let functions: [[String?]]
        let decimals: [String?]
    }

    static func ask(_ request: Request) throws -> Answer {
        let input = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        return try JSONDecoder().decode(
            Answer.self,
            from: Data(try Peers.run("function_oracle.py", [], input: input).utf8)
        )
    }

    @Test func `decimal arithmetic is exact before it is rounded`() throws {
        let seed = SeededGenerator.seeds(1)[0]
        var random = SeededGenerator(seed: seed)
        let shapes = [(38, 0), (38, 38), (38, 19), (38, 6), (19, 0), (18, 2), (9, 9), (1, 0), (1, 1), (30, 13)]
        var request = Request()
        var found: [(text: String, value: String?)] = []
        for _ in 0..<Soak.rounds(120) {
            let (p1, s1) = shapes.randomElement(using: &random) ?? (38, 0)
            let (p2, s2) = shapes.randomElement(using: &random) ?? (38, 0)
            let left = FieldType.decimal(precision: p1, scale: s1)
            let right = FieldType.decimal(precision: p2, scale: s2)
            let rows: [[Scalar]] = (0..<10).map { _ in [.extreme(left, &random), .extreme(right, &random)] }
            let input = batch([("a", left), ("b", right)], rows)
            for symbol in ["+", "-", "*", "/", "%"] {
                let bound = try SQLExpression.parse("a \(symbol) b").bind(to: input.schema)
                guard case .decimal(let precision, let scale) = bound.type else { continue }
                let column = try bound.evaluate(input).column
                for (row, values) in rows.enumerated() {
                    guard case .decimal(let a, _) = values[0], case .decimal(let b, _) = values[1] else { continue }
                    request.decimals.append([symbol, "\(a)", "\(s1)", "\(b)", "\(s2)", "\(precision)", "\(scale)"])
                    if case .decimal(let value, _) = column.scalar(row) {
                        found.append(("\(a)e-\(s1) \(symbol) \(b)e-\(s2)", "\(value)"))
                    } else {
                        found.append(("\(a)e-\(s1) \(symbol) \(b)e-\(s2)", nil))
                    }
                }
            }
        }
        let answer = try Self.ask(request)
        #expect(answer.decimals.count == found.count && found.count > 3000)
        for (index, expected) in answer.decimals.enumerated() where expected != found[index].value {
            Issue.record(
                "seed \(seed): \(found[index].text) is \(found[index].value ?? "none"), not \(expected ?? "none"), as \(request.decimals[index])"
            )
            return
        }
    }

    struct Shared: Sendable {
        /// Weir's expression over the columns a0, a1, …, and DuckDB's where its syntax differs.
        let text: String
        var duckDB: String?
        let columns: [(FieldType, String, @Sendable (inout SeededGenerator) -> Scalar)]
    }

    static let words: @Sendable (inout SeededGenerator) -> Scalar = { random in
        let alphabet = Array("aab. ,xyz→日")
        if Int.random(in: 0..<12, using: &random) == 0 { return .null }
        return .string(
            String(
                (0..<Int.random(in: 0...9, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" }
            )
        )
    }
    static let someWords: @Sendable (inout SeededGenerator) -> Scalar = { random in
        .string(["a", "ab", ",", "→", "日 "].randomElement(using: &random) ?? "a")
    }
    static let lengths: @Sendable (inout SeededGenerator) -> Scalar = { .long(Int64.random(in: 0...12, using: &$0)) }
    static let positions: @Sendable (inout SeededGenerator) -> Scalar = { .long(Int64.random(in: 1...9, using: &$0)) }
    static let moments: @Sendable (inout SeededGenerator) -> Scalar = {
        // From year 1 to 9999, where both write years in the same form.
        .timestamp(Int64.random(in: -62_135_596_800_000_000..<253_402_300_800_000_000, using: &$0))
    }
    static let longs: @Sendable (inout SeededGenerator) -> Scalar = { .extreme(.long, &$0) }
    static let ints: @Sendable (inout SeededGenerator) -> Scalar = { .extreme(.int, &$0) }

    static let shared: [Shared] = {
        let text = (FieldType.string, "VARCHAR", words)
        let part = (FieldType.string, "VARCHAR", someWords)
        let length = (FieldType.long, "BIGINT", lengths)
        let position = (FieldType.long, "BIGINT", positions)
        let moment = (FieldType.timestamp, "TIMESTAMP", moments)
        var all = [
            Shared(text: "LPAD(a0, a1, a2)", duckDB: "lpad(a0, a1::INTEGER, a2)", columns: [text, length, part]),
            Shared(text: "RPAD(a0, a1, a2)", duckDB: "rpad(a0, a1::INTEGER, a2)", columns: [text, length, part]),
            Shared(text: "LEFT(a0, a1)", columns: [text, length]),
            Shared(text: "RIGHT(a0, a1)", columns: [text, length]),
            Shared(text: "SUBSTRING(a0, a1, a2)", columns: [text, position, length]),
            Shared(text: "REPLACE(a0, a1, a2)", columns: [text, part, text]),
            Shared(text: "STRPOS(a0, a1)", columns: [text, part]),
            Shared(
                text: "SPLIT_PART(a0, a1, a2)",
                duckDB: "split_part(a0, a1, a2::INTEGER)",
                columns: [text, part, position]
            ),
            Shared(text: "STARTS_WITH(a0, a1)", columns: [text, part]),
            Shared(text: "ENDS_WITH(a0, a1)", columns: [text, part]),
            Shared(text: "CONTAINS(a0, a1)", columns: [text, part]), Shared(text: "LENGTH(a0)", columns: [text]),
            Shared(text: "UPPER(a0)", columns: [text]), Shared(text: "REVERSE(a0)", columns: [text]),
            Shared(text: "TRIM(a0)", columns: [text]), Shared(text: "RTRIM(a0, a1)", columns: [text, part]),
            Shared(text: "CONCAT_WS(a1, a0, a2)", columns: [text, part, text]),
            Shared(text: "COALESCE(a0, a1)", columns: [text, part]),
            Shared(text: "NULLIF(a0, a1)", columns: [text, part]),
            Shared(text: "TRY_CAST(a0 AS INT)", columns: [(.long, "BIGINT", longs)]),
            Shared(text: "CAST(a0 AS DOUBLE)", columns: [(.long, "BIGINT", longs)]),
            Shared(
                text: "TRY_CAST(a0 AS DECIMAL(18,2))",
                columns: [(.long, "BIGINT", longs)]
            ),
            Shared(
                text: "a0 < a1 OR a0 = a2",
                columns: [(.long, "BIGINT", longs), (.int, "INTEGER", ints), (.long, "BIGINT", longs)]
            ),
        ]
        for field in ["YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"] {
            all.append(Shared(text: "\(field)(a0)", columns: [moment]))
        }
        for unit in ["year", "quarter", "month", "week", "day", "hour", "minute", "second"] {
            all.append(Shared(text: "CAST(DATE_TRUNC('\(unit)', a0) AS STRING)", columns: [moment]))
        }
        return all
    }()

    @Test func `functions agree with DuckDB's`() throws {
        let seed = SeededGenerator.seeds(1)[0]
        var random = SeededGenerator(seed: seed)
        var request = Request()
        var found: [[String?]] = []
        for function in Self.shared {
            let rows: [[Scalar]] = (0..<Soak.rounds(60)).map { _ in
                function.columns.map { $0.2(&random) }
            }
            let input = batch(function.columns.enumerated().map { ("a\($0)", $1.0) }, rows)
            let column = try SQLExpression.parse(function.text).bind(to: input.schema).evaluate(input).column
            found.append(
                (0..<rows.count).map { column.scalar($0) == .null ? nil : ScalarText.text(column.scalar($0), .cast) }
            )
            request.functions.append(
                Request.Function(
                    sql: function.duckDB ?? function.text,
                    types: function.columns.map(\.1),
                    rows: rows.map { $0.map { $0 == .null ? nil : ScalarText.text($0, .cast) } }
                )
            )
        }
        let answer = try Self.ask(request)
        for (index, function) in Self.shared.enumerated() {
            for (row, expected) in answer.functions[index].enumerated() where expected != found[index][row] {
                Issue.record(
                    "seed \(seed): \(function.text) is \(found[index][row] ?? "NULL"), not \(expected ?? "NULL"), for \(request.functions[index].rows[row])"
                )
                break
            }
        }
    }
}
