import Columnar
import Expressions
import Testing

@Suite struct ArithmeticTests {
    @Test func `keeps whole numbers whole`() throws {
        #expect(try value("i + 1") == .int(8))
        #expect(try value("i / 2") == .int(3))
        #expect(try value("-i % 4") == .int(-3))
        #expect(try value("i * l") == .long(35_000_000_000))
        #expect(try value("2 + 3 * 4 - 1") == .int(13))
        #expect(try value("(2 + 3) * 4") == .int(20))
        #expect(try value("-9223372036854775808") == .long(.min))
        #expect(try value("MOD(i, 4)") == .int(3))
    }

    @Test func `computes with decimals exactly`() throws {
        #expect(try value("m * 100") == .decimal(199_900, scale: 2))
        #expect(try value("CAST(m * 100 AS BIGINT)") == .long(1999))
        #expect(try value("0.1 + 0.2") == .decimal(3, scale: 1))
        #expect(try value("0.1 + 0.2 = 0.3") == .boolean(true))
        #expect(try value("m + i") == .decimal(2699, scale: 2))
        #expect(try value("m - 0.005") == .decimal(19_985, scale: 3))
        #expect(try value("m / 3") == .decimal(6_663_333, scale: 6))
        #expect(try value("m % 3") == .decimal(199, scale: 2))
        #expect(try value("-m % 3") == .decimal(-199, scale: 2))
        #expect(try value("2 / 3.0") == .decimal(666_667, scale: 6))
    }

    @Test(arguments: [
        ("m + m", FieldType.decimal(precision: 13, scale: 2)),
        ("m * m", .decimal(precision: 24, scale: 4)),
        ("m * 100", .decimal(precision: 15, scale: 2)),
        ("m / m", .decimal(precision: 27, scale: 15)),
        ("m % m", .decimal(precision: 12, scale: 2)),
        ("m + l", .decimal(precision: 22, scale: 2)),
        ("m * d", .double), ("f + f", .float), ("f + i", .double), ("i + l", .long),
        ("CAST(m AS DECIMAL(38,10)) * m", .decimal(precision: 38, scale: 6)),
        ("CAST(m AS DECIMAL(38,0)) + CAST(m AS DECIMAL(38,10))", .decimal(precision: 38, scale: 6)),
    ])
    func `derives the type of a result as Flink and Spark do`(text: String, type: FieldType) throws {
        #expect(try SQLExpression.parse(text).bind(to: samples.schema).type == type)
    }

    @Test func `rounds a wide result in one step`() throws {
        let product = try value("CAST(1.5 AS DECIMAL(38,10)) * CAST(-2.5 AS DECIMAL(38,10))")
        #expect(product == .decimal(-3_750_000, scale: 6))
        let tiny = try value(
            "CAST(1 AS DECIMAL(38,0)) / CAST(0.00000000000000000000000000000000000003 AS DECIMAL(38,38))"
        )
        #expect(tiny == nil)
    }

    @Test(arguments: [
        ("i + 2147483647", "i + 2147483647: 7 + 2147483647 does not fit int"),
        ("l * 9223372036854775807", "l * 9223372036854775807: 5000000000 * 9223372036854775807 does not fit long"),
        ("i / 0", "i / 0: division by zero: 7 / 0"),
        ("m % (i - 7)", "m % (i - 7): division by zero: 19.99 % 0"),
        ("d / 0", "d / 0: division by zero: 2.5 / 0.0"),
        ("CAST(s AS INT) + 1", "CAST(s AS INT): cannot cast 'Grüße' to int"),
        ("CAST(l AS INT)", "CAST(l AS INT): cannot cast 5000000000 to int"),
        ("CAST(m AS DECIMAL(3,2))", "CAST(m AS DECIMAL(3,2)): cannot cast 19.99 to decimal(3,2)"),
    ])
    func `names expression and value when a row has no result`(text: String, reason: String) throws {
        #expect(try failure(text) == reason)
    }

    @Test func `survives numbers at the edge of their type`() throws {
        let rows = batch(
            [("m", .decimal(precision: 38, scale: 0)), ("day", .date), ("ts", .timestamp), ("x", .double)],
            [
                [.decimal(.min, scale: 0), .date(.max), .timestamp(.min), .double(.nan)],
                [.decimal(.max, scale: 0), .date(.min), .timestamp(.max), .double(.infinity)],
            ]
        )
        let texts = [
            "m + m", "m - m", "m * m", "m / m", "m / 0.3", "0 - m", "-m", "ABS(m)", "m % 7", "m < 0.1", "ROUND(m, -2)",
            "FLOOR(m)",
            "CAST(m AS BIGINT)", "CAST(m AS STRING)", "CAST(m AS DOUBLE)", "CAST(day AS TIMESTAMP)", "day < ts",
            "YEAR(ts)",
            "CAST(day AS STRING)", "CAST(ts AS STRING)", "CAST(ts AS DATE)", "DATE_TRUNC('week', ts)",
            "DATE_TRUNC('year', day)",
            "CAST(x AS INT)", "CAST(x AS DECIMAL(10,2))", "ROUND(x)", "x % 2", "CAST(x AS STRING)",
        ]
        for text in texts { _ = try SQLExpression.parse(text).bind(to: rows.schema).evaluate(rows) }
        let failures = try SQLExpression.parse("CAST(day AS TIMESTAMP)").bind(to: rows.schema).evaluate(rows).failures
        #expect(failures.map(\.row) == [0, 1])
    }

    @Test func `fails only the rows that ask`() throws {
        #expect(try value("CASE WHEN i = 7 THEN 0 ELSE 1 / (i - 7) END") == .int(0))
        #expect(try value("i <> 7 AND 1 / (i - 7) > 0") == .boolean(false))
        #expect(try value("i = 7 OR 1 / (i - 7) > 0") == .boolean(true))
        #expect(try value("COALESCE(i, 1 / 0)") == .int(7))
        #expect(try value("IF(b, 1, 1 / 0)") == .int(1))
        #expect(try value("CASE WHEN b THEN 1 / 0 END") == nil)
        #expect(try value("TRY_CAST(s AS INT)") == .null)
        // A null operand is not a failure.
        let bound = try SQLExpression.parse("1 / (i - i)").bind(to: samples.schema)
        #expect(try bound.evaluate(samples).failures.map(\.row) == [0])
    }
}
