import Columnar
import Expressions
import Testing

@Suite struct LogicTests {
    private static let truths: [(Scalar, String)] = [
        (.boolean(true), "TRUE"), (.boolean(false), "FALSE"), (.null, "NULL"),
    ]

    /// Every pair of truth values: more than eight rows, so that bits cross a byte.
    private static let pairs = batch(
        [("a", .boolean), ("b", .boolean)],
        truths.flatMap { a in truths.map { b in [a.0, b.0] } } + [[.boolean(true), .boolean(true)]]
    )

    private func rows(_ text: String) throws -> [Scalar] {
        let (column, failures) = try SQLExpression.parse(text).bind(to: Self.pairs.schema).evaluate(Self.pairs)
        #expect(failures.isEmpty)
        return (0..<9).map { column.scalar($0) }
    }

    @Test func `follows three-valued logic`() throws {
        let (t, f, n) = (Scalar.boolean(true), Scalar.boolean(false), Scalar.null)
        #expect(try rows("a AND b") == [t, f, n, f, f, f, n, f, n])
        #expect(try rows("a OR b") == [t, t, t, t, f, n, t, n, n])
        #expect(try rows("NOT a") == [f, f, f, t, t, t, n, n, n])
        #expect(try rows("a = b") == [t, f, n, f, t, n, n, n, n])
        #expect(try rows("a IS NULL") == [f, f, f, f, f, f, t, t, t])
        #expect(try rows("a IS NOT NULL AND b IS NULL") == [f, f, t, f, f, t, f, f, f])
        // NOT binds weaker than =, so this is NOT (x = NOT x).
        #expect(try rows("NOT (a AND b) = (NOT a OR NOT b)") == [t, t, n, t, t, t, n, t, n])
    }

    @Test func `treats constants like columns`() throws {
        for (index, a) in Self.truths.enumerated() {
            for (other, b) in Self.truths.enumerated() {
                for operation in ["AND", "OR", "="] {
                    let expected = try rows("a \(operation) b")[index * 3 + other]
                    #expect(try rows("\(a.1) \(operation) \(b.1)")[0] == expected, "\(a.1) \(operation) \(b.1)")
                    #expect(try rows("a \(operation) \(b.1)")[index * 3] == expected, "\(a.1) \(operation) \(b.1)")
                    #expect(try rows("\(a.1) \(operation) b")[other] == expected, "\(a.1) \(operation) \(b.1)")
                }
            }
        }
    }

    @Test(arguments: [
        ("i IN (1, 7)", Scalar.boolean(true)), ("i IN (1, 2)", .boolean(false)), ("i IN (1, NULL)", .null),
        ("i IN (7, NULL)", .boolean(true)), ("i NOT IN (1, NULL)", .null), ("i NOT IN (1, 2)", .boolean(true)),
        ("NULL IN (1)", .null), ("i BETWEEN 7 AND 7", .boolean(true)), ("i BETWEEN 8 AND NULL", .boolean(false)),
        ("i BETWEEN 1 AND NULL", .null), ("i NOT BETWEEN 1 AND 6", .boolean(true)), ("n = n", .null),
        ("n IS NULL", .boolean(true)), ("NULL IS NULL", .boolean(true)), ("NULL = NULL", .null),
        ("i = 7.0", .boolean(true)), ("m = 19.990", .boolean(true)), ("m < 20", .boolean(true)),
        ("d = 2.5", .boolean(true)),
        ("f = 1.5", .boolean(true)), ("l > i", .boolean(true)), ("day = '2024-05-06'", .boolean(true)),
        ("ts > '2024-05-06T10:20:30'", .boolean(true)), ("day < ts", .boolean(true)),
        ("tz = TIMESTAMPTZ '2024-05-06 12:20:30+02:00'", .boolean(true)),
        ("u = '00112233-4455-6677-8899-aabbccddeeff'", .boolean(true)), ("'B' < 'a'", .boolean(true)),
        ("'a' < 'ab'", .boolean(true)), ("'Z' < 'ä'", .boolean(true)), ("'' = ''", .boolean(true)),
        ("CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE)", .boolean(false)),
        ("99999999999999999999999999999999999999 > 0.00000000000000000001", .boolean(true)),
        ("-99999999999999999999999999999999999999 > 0.00000000000000000001", .boolean(false)),
    ])
    func `compares`(text: String, result: Scalar) throws {
        #expect(try value(text) == result)
    }

    @Test(arguments: [
        ("abc", "abc", true), ("abc", "ab", false), ("abc", "a%", true), ("abc", "%c", true), ("abc", "%b%", true),
        ("abc", "%d%", false), ("abc", "___", true), ("abc", "__", false), ("äöü", "___", true), ("äöü", "ä_ü", true),
        ("日本語", "%本_", true), ("日本語", "_本%語", true), ("日本", "__%_", false), ("", "", true), ("", "%", true),
        ("", "_", false),
        ("a%c", "a\\%c", true), ("abc", "a\\%c", false), ("a_c", "a\\_c", true), ("aab", "%ab", true),
        ("aaa", "a%a%a", true),
        ("aa", "a%a%a", false), ("abab", "%ab", true), ("abcabc", "a%c%c", true), ("mississippi", "m%iss%ip%i", true),
        ("x\\", "x\\", true), ("aXb", "a_b", true), ("a\nb", "a%b", true),
    ])
    func `matches LIKE patterns`(text: String, pattern: String, result: Bool) throws {
        let quoted = pattern.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        let rows = batch([("t", .string), ("p", .string)], [[.string(text), .string(pattern)], [.null, .null]])
        for expression in ["t LIKE '\(quoted)'", "t LIKE p"] {
            let column = try SQLExpression.parse(expression).bind(to: rows.schema).evaluate(rows).column
            #expect(column.scalar(0) == .boolean(result), "\(expression)")
            #expect(column.scalar(1) == .null)
        }
        let negated = try SQLExpression.parse("t NOT LIKE p").bind(to: rows.schema).evaluate(rows).column
        #expect(negated.scalar(0) == .boolean(!result))
    }

    @Test func `takes another escape`() throws {
        #expect(try value("'50%' LIKE '50!%' ESCAPE '!'") == .boolean(true))
        #expect(try value("'50x' LIKE '50!%' ESCAPE '!'") == .boolean(false))
    }
}
