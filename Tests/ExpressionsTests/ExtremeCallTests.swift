import Columnar
import Expressions
import Testing

/// Calls that used to crash the process or would have exhausted its memory.
@Suite struct ExtremeCallTests {
    static let digits = String(repeating: "9", count: 40)

    @Test(arguments: [
        ("TRY_CAST('\(digits)' AS DECIMAL(38,0))", Scalar.null), ("TRY_CAST('\(digits)' AS DECIMAL(38,38))", .null),
        ("TRY_CAST('0.\(digits)' AS DECIMAL(38,38))", .null),
        (
            "TRY_CAST('0.\(digits)' AS DECIMAL(38,37))",
            .decimal(10_000_000_000_000_000_000_000_000_000_000_000_000, scale: 37)
        ),
        ("LPAD(s, -9223372036854775807 - 1, 'x')", .string("")), ("RPAD(s, -9223372036854775807 - 1)", .string("")),
        ("LPAD(s, 7, '')", .string("Grüße")), ("LEFT(s, -9223372036854775807 - 1)", .string("")),
        ("RIGHT(s, 9223372036854775807)", .string("Grüße")), ("TRY_CAST(1e300 AS FLOAT)", .null),
        ("YEAR(DATE '-5877641-06-23')", .int(-5_877_641)),
        ("HOUR(TIMESTAMP '+294247-01-10 04:00:54.775807')", .int(4)),
        ("CAST(TIMESTAMP '+294247-01-10 04:00:54.775807' AS STRING)", .string("+294247-01-10 04:00:54.775807")),
        ("CAST(DATE '+5881580-07-11' AS STRING)", .string("+5881580-07-11")),
        (
            "DATE_TRUNC('second', TIMESTAMP '-290308-12-21 19:59:06.5')",
            .timestamp(-9_223_372_036_854_000_000)
        ),
        ("CAST('+10000-01-01' AS DATE)", .date(2_932_897)),
    ])
    func `have a value`(text: String, result: Scalar) throws {
        #expect(try value(text) == result)
    }

    @Test(arguments: [
        ("CAST('\(digits)' AS DECIMAL(38,0))", "cannot cast"), ("LPAD(s, 9223372036854775807, 'xy')", "64 MiB"),
        ("RPAD(s, 2147483647)", "64 MiB"), ("LPAD(s, 67108864)", "64 MiB"), ("CAST(1e300 AS FLOAT)", "cannot cast"),
        ("DATE_TRUNC('year', DATE '-5877641-06-23')", "too early"),
        ("DATE_TRUNC('week', TIMESTAMP '-290308-12-21 19:59:06')", "too early"),
        ("CAST(DATE '+5881580-07-11' AS TIMESTAMP)", "cannot cast"),
    ])
    func `fail in words`(text: String, word: String) throws {
        let reason = try #require(try failure(text))
        #expect(reason.contains(word), "\(reason)")
    }

    @Test func `decimals and whole numbers are compared with all their digits`() throws {
        let rows = batch(
            [("n", .decimal(precision: 38, scale: 38)), ("i", .int), ("l", .long)],
            [[.decimal(7, scale: 38), .int(0), .long(0)], [.decimal(-7, scale: 38), .int(0), .long(0)]]
        )
        for (text, passing) in [
            ("n <= 0", [Int32(1)]), ("n = 0", []), ("i < n", [0]), ("n IN (0)", []), ("n BETWEEN l AND 1", [0]),
            ("n <> l", [0, 1]),
        ] {
            #expect(try SQLExpression.parse(text).bind(to: rows.schema).select(rows).rows == passing, "\(text)")
        }
    }

    @Test func `texts of a batch do not grow without end`() throws {
        let rows = batch([("s", .string)], Array(repeating: [.string("a")], count: 64))
        // 64 rows of 32 MiB would be 2 GiB, but a constant is not repeated per row.
        for text in ["RPAD(s, 33554432)", "RPAD('a', 33554432)", "CASE WHEN s = 'a' THEN RPAD('a', 33554432) END"] {
            let (column, failures) = try SQLExpression.parse(text).bind(to: rows.schema).evaluate(rows)
            #expect(!failures.isEmpty && failures.allSatisfy { $0.reason.contains("256 MiB") }, "\(text)")
            #expect(column.byteCount <= 320 << 20, "\(text): \(column.byteCount) bytes")
        }
    }
}
