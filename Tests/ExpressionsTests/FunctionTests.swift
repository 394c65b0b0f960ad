import Columnar
import Expressions
import Testing

@Suite struct FunctionTests {
    @Test(arguments: [
        ("UPPER(s)", Scalar.string("GRÜSSE")), ("LOWER('ÄbC')", .string("äbc")),
        ("lower('ABCxyz1')", .string("abcxyz1")),
        ("TRIM('  a b ')", .string("a b")), ("LTRIM('  a ')", .string("a ")), ("RTRIM(' a  ')", .string(" a")),
        ("TRIM(BOTH 'xy' FROM 'xyaxy')", .string("a")), ("TRIM(LEADING '0' FROM '0010')", .string("10")),
        ("TRIM(TRAILING FROM ' a ')", .string(" a")), ("TRIM('ä' FROM 'äbä')", .string("b")),
        ("TRIM('   ')", .string("")),
        ("LENGTH(s)", .int(5)), ("CHAR_LENGTH('日本語')", .int(3)), ("LENGTH('')", .int(0)),
        ("SUBSTRING(s, 3, 2)", .string("üß")), ("SUBSTR(s FROM 2 FOR 2)", .string("rü")),
        ("SUBSTRING(s, 4)", .string("ße")),
        ("SUBSTRING('abc', -1, 3)", .string("a")), ("SUBSTRING('abc', 0)", .string("abc")),
        ("SUBSTRING('abc', 9, 2)", .string("")), ("SUBSTRING('abc', 2, -1)", .string("")),
        ("SUBSTRING('abc', 2, 9223372036854775807)", .string("bc")),
        ("SUBSTRING('abc', -9223372036854775807)", .string("abc")),
        ("REPLACE('aaa', 'a', 'bc')", .string("bcbcbc")), ("REPLACE('abc', '', 'x')", .string("abc")),
        ("REPLACE('Grüße', 'üß', 'uss')", .string("Grusse")), ("CONCAT('a', 'b', s)", .string("abGrüße")),
        ("CONCAT('a', n)", .null), ("'a' || 'b' || n", .null), ("'a' || 'b'", .string("ab")),
        ("CONCAT_WS('-', 'a', n, 'b')", .string("a-b")), ("CONCAT_WS('-', n, n)", .string("")),
        ("CONCAT_WS(n, 'a')", .null),
        ("LEFT(s, 3)", .string("Grü")), ("RIGHT(s, 2)", .string("ße")), ("LEFT(s, 0)", .string("")),
        ("RIGHT(s, 99)", .string("Grüße")),
        ("LEFT(s, -1)", .string("")), ("LPAD('7', 3, '0')", .string("007")), ("RPAD('ü', 4, 'ab')", .string("üaba")),
        ("LPAD('abcd', 2)", .string("ab")), ("LPAD('a', 3)", .string("  a")), ("LPAD('a', 3, '')", .string("a")),
        ("POSITION('ß' IN s)", .int(4)), ("STRPOS('abc', 'x')", .int(0)), ("STRPOS('abc', '')", .int(1)),
        ("STARTS_WITH(s, 'Gr')", .boolean(true)), ("ENDS_WITH(s, 'ße')", .boolean(true)),
        ("STARTS_WITH('a', 'ab')", .boolean(false)),
        ("CONTAINS(s, 'üß')", .boolean(true)), ("REVERSE(s)", .string("eßürG")), ("REVERSE('')", .string("")),
        ("SPLIT_PART('a,b,c', ',', 2)", .string("b")), ("SPLIT_PART('a,b,c', ',', -1)", .string("c")),
        ("SPLIT_PART('a,b', ',', 3)", .string("")), ("SPLIT_PART('a,b', ',', 0)", .string("")),
        ("SPLIT_PART('ab', '', 1)", .string("ab")),
        ("UPPER(n)", .null), ("LENGTH(n)", .null), ("LPAD(n, 3)", .null), ("STARTS_WITH(s, n)", .null),
        ("LEFT(s, NULL)", .null),
    ])
    func `computes with texts`(text: String, result: Scalar) throws {
        #expect(try value(text) == result)
    }

    @Test(arguments: [
        ("ABS(-i)", Scalar.int(7)), ("ABS(-1.50)", .decimal(150, scale: 2)), ("ABS(-d)", .double(2.5)),
        ("-m", .decimal(-1999, scale: 2)),
        ("ROUND(m)", .decimal(20, scale: 0)), ("ROUND(m, 1)", .decimal(200, scale: 1)),
        ("ROUND(-2.345, 2)", .decimal(-235, scale: 2)),
        ("ROUND(m, 5)", .decimal(1999, scale: 2)), ("ROUND(1234.5, -2)", .decimal(1200, scale: 0)),
        ("ROUND(1250, -2)", .int(1300)),
        ("ROUND(d)", .double(3)), ("ROUND(2.345e0, 2)", .double(2.35)), ("ROUND(i, 2)", .int(7)),
        ("FLOOR(m)", .decimal(19, scale: 0)), ("CEIL(m)", .decimal(20, scale: 0)),
        ("FLOOR(-m)", .decimal(-20, scale: 0)),
        ("CEIL(-m)", .decimal(-19, scale: 0)), ("FLOOR(-2.5e0)", .double(-3)), ("CEILING(i)", .int(7)),
        ("MOD(m, 5)", .decimal(499, scale: 2)),
        ("ABS(NULL)", .null), ("ROUND(NULL)", .null), ("NULLIF(i, 7)", .null), ("NULLIF(i, 8)", .int(7)),
        ("NULLIF(i, NULL)", .int(7)),
        ("COALESCE(n, s)", .string("Grüße")), ("COALESCE(NULL, n, 'x')", .string("x")), ("COALESCE(n, n)", .null),
        ("COALESCE(i, l)", .long(7)), ("IFNULL(n, 'x')", .string("x")), ("IF(i > 5, 'big', 'small')", .string("big")),
        ("CASE i WHEN 6 THEN 'six' WHEN 7 THEN 'seven' END", .string("seven")), ("CASE WHEN i > 9 THEN 1 END", .null),
        ("CASE WHEN n = 'x' THEN 1 ELSE 2.5 END", .decimal(25, scale: 1)),
        ("CASE WHEN b THEN b ELSE FALSE END", .boolean(true)),
    ])
    func `computes with numbers and choices`(text: String, result: Scalar) throws {
        #expect(try value(text) == result)
    }

    @Test(arguments: [
        ("YEAR(day)", Scalar.int(2024)), ("EXTRACT(MONTH FROM ts)", .int(5)), ("DAY(tz)", .int(6)),
        ("HOUR(ts)", .int(10)),
        ("EXTRACT(MINUTE FROM ts)", .int(20)), ("SECOND(ts)", .int(30)), ("QUARTER(day)", .int(2)),
        ("YEAR(DATE '1969-12-31')", .int(1969)), ("YEAR(DATE '-0001-03-01')", .int(-1)),
        ("DAY(DATE '2000-02-29')", .int(29)),
        ("HOUR(TIMESTAMP '1969-12-31 23:59:59.999999')", .int(23)), ("YEAR(NULL)", .null),
        ("DATE_TRUNC('month', day)", .date(19_844)), ("DATE_TRUNC('week', day)", .date(19_849)),
        ("CAST(DATE_TRUNC('hour', ts) AS STRING)", .string("2024-05-06 10:00:00")),
        ("CAST(DATE_TRUNC('day', TIMESTAMP '1969-12-31 23:00:00') AS STRING)", .string("1969-12-31 00:00:00")),
        ("CAST(DATE_TRUNC('week', DATE '1969-12-31') AS STRING)", .string("1969-12-29")),
        ("CAST(DATE_TRUNC('quarter', DATE '2024-12-31') AS STRING)", .string("2024-10-01")),
    ])
    func `takes dates and times apart`(text: String, result: Scalar) throws {
        #expect(try value(text) == result)
    }

    @Test(arguments: [
        ("CAST(i AS STRING)", Scalar.string("7")), ("CAST(m AS VARCHAR)", .string("19.99")),
        ("CAST(-0.05 AS STRING)", .string("-0.05")),
        ("CAST(d AS STRING)", .string("2.5")), ("CAST(b AS STRING)", .string("true")),
        ("CAST(day AS STRING)", .string("2024-05-06")),
        ("CAST(ts AS STRING)", .string("2024-05-06 10:20:30.123456")),
        ("CAST(tz AS STRING)", .string("2024-05-06 10:20:30+00:00")),
        ("CAST(u AS STRING)", .string("00112233-4455-6677-8899-aabbccddeeff")), ("CAST(' 12 ' AS INT)", .int(12)),
        ("CAST('-9223372036854775808' AS BIGINT)", .long(.min)),
        ("CAST('1.005' AS DECIMAL(5,2))", .decimal(101, scale: 2)),
        ("CAST('1.5e3' AS DECIMAL(6,1))", .decimal(15_000, scale: 1)),
        ("CAST('1e-9' AS DECIMAL(6,1))", .decimal(0, scale: 1)),
        ("CAST(0.1e0 AS DECIMAL(20,18))", .decimal(100_000_000_000_000_000, scale: 18)), ("CAST(m AS INT)", .int(19)),
        ("CAST(-m AS INT)", .int(-19)), ("CAST(d AS INT)", .int(2)),
        ("CAST(m AS DECIMAL(4,1))", .decimal(200, scale: 1)),
        ("CAST(m AS DOUBLE)", .double(19.99)), ("CAST(0.1 AS FLOAT)", .float(0.1)),
        ("CAST(i AS BOOLEAN)", .boolean(true)),
        ("CAST(b AS INT)", .int(1)), ("CAST('t' AS BOOLEAN)", .boolean(true)), ("CAST(ts AS DATE)", .date(19_849)),
        ("CAST(TIMESTAMP '1969-12-31 23:59:59' AS DATE)", .date(-1)),
        ("CAST(day AS TIMESTAMP)", .timestamp(1_714_953_600_000_000)),
        ("CAST(ts AS TIMESTAMP WITH LOCAL TIME ZONE)", .timestamptz(1_714_990_830_123_456)),
        ("TRY_CAST('2024-02-30' AS DATE)", .null), ("TRY_CAST('2024-05-06 24:00:00' AS TIMESTAMP)", .null),
        ("TRY_CAST('abc' AS DOUBLE)", .null), ("TRY_CAST(l AS INT)", .null),
        ("CAST('ab' AS BINARY)", .binary([97, 98])),
        ("CAST(CAST('ü' AS BINARY) AS STRING)", .string("ü")), ("CAST(n AS INT)", .null),
        ("CAST(NULL AS DECIMAL(5,2))", .null),
        ("CAST('NaN' AS DOUBLE) <> 1", .boolean(true)), ("CAST('10:20:30.5' AS TIME)", .time(37_230_500_000)),
    ])
    func `casts`(text: String, result: Scalar) throws {
        #expect(try value(text) == result)
    }

    @Test func `reads dates back that it wrote`() throws {
        for day in stride(from: -800_000, through: 800_000, by: 997) {
            let rows = batch([("x", .date)], [[.date(Int32(day))]])
            let bound = try SQLExpression.parse("CAST(CAST(x AS STRING) AS DATE)").bind(to: rows.schema)
            #expect(try bound.evaluate(rows).column.scalar(0) == .date(Int32(day)))
        }
    }

    @Test func `bounds what a text may grow to`() throws {
        let reason = try failure("LPAD(s, 1000000000, 'x')")
        #expect(reason?.contains("64 MiB") == true)
    }
}
