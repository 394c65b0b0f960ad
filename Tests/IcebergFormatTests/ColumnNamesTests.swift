import Columnar
import IcebergFormat
import Testing

/// Column names and types that are refused, or reported as problematic for other engines.
@Suite struct ColumnNamesTests {
    @Test func `names that differ in case alone, and names with dots, are told`() {
        let warnings = ColumnNames.warnings(["id", "F", "f", "a.b", "größe"])
        #expect(warnings.map(\.name) == ["f", "a.b"])
        #expect(warnings.first?.text.contains("'F' and 'f' differ in case alone") == true)
        #expect(ColumnNames.warnings(["id", "user-id", "created at"]).isEmpty)
    }

    @Test(arguments: ["", " ", "\t\n", "_file_offset"])
    func `a name that no column can have is refused`(name: String) { #expect(ColumnNames.refusal(name) != nil) }

    @Test(arguments: ["id", "_id", "file_offset", "a.b", " a"])
    func `others are not`(name: String) { #expect(ColumnNames.refusal(name) == nil) }

    @Test(
        arguments: [
            ("decimal(50,2)", "at most 38 digits, not 50"), ("decimal( 39 , 39 )", "at most 38 digits, not 39"),
            ("decimal(0,0)", "at least one digit"), ("decimal(5,6)", "0 to its precision of 5, not 6"),
            ("DECIMAL(5,-1)", "0 to its precision of 5, not -1"), ("decimal(5)", "a precision and a scale"),
            ("decimal", "a precision and a scale"), ("decimal(a,b)", "a precision and a scale"),
            ("fixed(0)", "at least one byte"), ("fixed", "at least one byte"),
        ]
    )
    func `what is wrong with a type's parameters is said`(text: String, words: String) {
        #expect(FieldType.mistake(in: text)?.contains(words) == true, "\(FieldType.mistake(in: text) ?? "-")")
    }

    @Test(arguments: ["decimal(12,2)", "fixed[16]", "long", "decimals(1,2)", "text", ""])
    func `nothing is said of others`(text: String) { #expect(FieldType.mistake(in: text) == nil) }
}
