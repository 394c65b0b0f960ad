import Bytes
import Columnar
import Expressions
import Testing
import WeirTesting

@Suite struct ErrorTests {
    @Test(arguments: [
        (
            "i + stauts",
            "unknown column 'stauts' at position 5; if it is a text, write 'stauts' in single quotes; known are b, d, day, f, i, l, m, n, s, ts, tz, u"
        ),
        ("dya = 1", "unknown column 'dya' at position 1; did you mean 'day'?"),
        ("x.i = 1", "unknown table 'x' at position 1"),
        ("i = ", "expected a value, found the end at position 5"),
        ("i = 1)", "expected an operator or the end, found ')' at position 6"),
        ("(i = 1", "expected ')' to close the parenthesis, found the end at position 7"),
        ("s = 'abc", "the text that opens with ' is never closed at position 5"),
        ("i # 1", "unexpected character '#' at position 3"),
        ("1abc", "'1a' is neither a number nor a name at position 1"),
        ("i IS 5", "expected NULL after IS, found '5' at position 6"),
        ("i BETWEEN 1 OR 2", "expected AND between the limits of BETWEEN, found 'OR' at position 13"),
        ("CASE i END", "expected WHEN, found 'END' at position 8"),
        ("CASE WHEN b THEN 1", "expected END to close CASE, found the end at position 19"),
        (
            "from = 1",
            "expected a value, found the keyword FROM at position 1; a column of that name is written \"from\""
        ),
        ("s = 1", "cannot compare s (string) with 1 (int) at position 1; write '1' in single quotes: s is a text"),
        ("i = '7'", "cannot compare i (int) with '7' (string) at position 1; write 7 without quotes: i is a number"),
        ("i = 'x'", "cannot compare i (int) with 'x' (string) at position 1"),
        ("s = i", "cannot compare s (string) with i (int) at position 1; convert one side, as in CAST(s AS int)"),
        ("day > 5", "cannot compare day (date) with 5 (int) at position 1; write it as 2024-05-06"),
        ("i == 1", "expected a value, found '=' at position 4; values are compared with a single ="),
        ("b AND i", "AND needs a boolean, but i is an int at position 7"),
        ("NOT s", "NOT needs a boolean, but s is a string at position 5"),
        ("s + 'x'", "+ needs numbers, but s is a string at position 1; texts are joined with ||"),
        ("-s", "minus needs a number, but s is a string at position 2"),
        ("UPER(s)", "unknown function UPER at position 1; did you mean 'UPPER'?"),
        ("UPPER(s, s)", "UPPER takes 1 argument, not 2 at position 1"),
        ("LPAD(s)", "LPAD takes 2 to 3 arguments, not 1 at position 1"),
        ("UPPER(i)", "UPPER needs a string, but i is an int at position 7; write CAST(i AS STRING)"),
        ("CAST(i AS BIGNT)", "unknown type 'BIGNT' at position 11; did you mean 'BIGINT'?"),
        (
            "CAST(i AS DECIMAL(40,2))",
            "DECIMAL(40,2) does not exist at position 11; the precision is 1 to 38, the scale 0 to the precision"
        ),
        ("CAST(b AS DATE)", "cannot cast b from boolean to date at position 1"),
        ("DATE '2024-13-01'", "'2024-13-01' is no date at position 6; write it as 2024-05-06"),
        ("day = 'yesterday'", "'yesterday' is no date at position 7; write it as 2024-05-06"),
        (
            "CASE WHEN b THEN 1 ELSE 'x' END",
            "the values of CASE differ in type: 'x' is a string, the values before it are int at position 25; convert them with CAST"
        ),
        ("NULL", "NULL alone has no type at position 1; write CAST(NULL AS type)"),
        (
            "DATE_TRUNC('fortnight', ts)",
            "DATE_TRUNC needs a unit as its first argument at position 12; one of 'year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'"
        ),
        ("", "expected a value, found the end at position 1"),
    ])
    func `speaks like a compiler`(text: String, message: String) {
        #expect(complaint(text) == message)
    }

    @Test func `refuses what would nest too deep`() {
        let deep = String(repeating: "(", count: 500) + "1" + String(repeating: ")", count: 500)
        #expect(complaint(deep).hasPrefix("the expression nests deeper than 64 levels"))
        #expect(complaint(Array(repeating: "1", count: 500).joined(separator: " + ")).hasPrefix("the expression nests"))
        #expect(complaint(Array(repeating: "i = 1", count: 5000).joined(separator: " OR ")) == "nothing")
    }

    @Test func `never traps on random texts`() {
        var random = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        let words = [
            "i", "s", "(", ")", "AND", "NOT", "'x'", "1", "1.5", "CASE", "WHEN", "THEN", "END", "CAST", "AS", "INT",
            ",", "+", "IN", "LIKE", "%", "||", "IS", "NULL", "\"", "`", "é", ".", "*", "BETWEEN", "TRIM", "EXTRACT",
            "FROM",
        ]
        for _ in 0..<Soak.rounds(3000) {
            let text = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                words[Int.random(in: 0..<words.count, using: &random)]
            }.joined(separator: " ")
            _ = complaint(text)
            _ = try? Projection.parse(text).bind(to: samples.schema)
            _ = try? JoinCondition.parse(text)
        }
    }

    @Test func `refuses a batch of other columns`() throws {
        let bound = try SQLExpression.parse("i + 1").bind(to: samples.schema)
        #expect(throws: WeirError.self) { try bound.evaluate(batch([("x", .string)], [])) }
    }
}
