import Testing
import Topology

/// Quoting mistakes get a hint and hide no other problem.
@Suite struct QuotingTests {
    @Test func `a comma that ends a value in braces or brackets is named, and the rest is checked`() throws {
        let columns = try problems("status: string, at", "status: decimal(12,2), at")
        #expect(
            columns.contains("10:75: error: a comma ends a value inside { }; write it in quotes: \"decimal(12,2)\""),
            "\(columns)"
        )
        // The filter compares a decimal column with a text.
        #expect(columns.contains { $0.hasPrefix("22:13: error: cannot compare status (decimal(12,") }, "\(columns)")
        #expect(columns.count == 3, "\(columns)")

        let partitions = try problems("day(at)", "bucket(4, region), dya(at)")
        #expect(
            partitions == [
                "12:20: error: a comma ends a value inside [ ]; write it in quotes: \"bucket(4, region)\"",
                "12:39: error: unknown transform 'dya'; did you mean 'day'?",
            ]
        )
    }

    @Test(arguments: [
        ("day(at)", "\"bucket(4, region)\""), ("status: string, at", "status: \"decimal(12,2)\", other: string, at"),
        ("day(at)", "bucket(4; region)"), ("topics: [shop.public.orders]", "topics: [\"a(b\", \"c)d\"]"),
    ])
    func `what is quoted or not cut is left alone`(_ part: String, _ replacement: String) throws {
        let found = try problems(part, replacement)
        #expect(!found.contains { $0.contains("a comma ends") }, "\(found)")
    }

    @Test func `two values that are cut alike are named as well`() throws {
        let found = try problems("status: string, at", "status: decimal(12,2), other: decimal(10,2), at")
        #expect(found.count == 1 && found[0].contains("the key '2)' is given twice"), "\(found)")
        #expect(found[0].hasSuffix("write values such as \"decimal(12,2)\" in quotes"), "\(found)")
    }

    @Test func `a word without quotes that is no column may be a text`() throws {
        let found = try problems("status <> 'TEST'", "status = PAID")
        let hint =
            "unknown column 'PAID' at position 10; if it is a text, write 'PAID' in single quotes; known are at, "
        #expect(found.count == 1 && found.allSatisfy { $0.contains(hint) }, "\(found)")
    }

    @Test func `a misspelt type or table does not hide what is wrong with its users`() throws {
        let yaml = sound.replacing("order_id: long", with: "order_id: lnog").replacing(
            "name: string",
            with: "name: varchar(20)"
        )
        .replacing("day(at)", with: "dya(at)").replacing("status <>", with: "stauts <>")
        .replacing("lookup: shop.customers", with: "lookup: shop.custmers").replacing("c.name", with: "c.nmae")
        let found = Topology.check(yaml: yaml, environment: [:])
        #expect(found.topology == nil)
        let texts = found.problems.map(\.description)
        #expect(found.problems.map(\.line) == [10, 12, 15, 22, 26, 29], "\(texts)")
        for text in ["'long'", "'day'", "Iceberg's name is string", "'status'", "'shop.customers'", "'name'"] {
            #expect(texts.contains { $0.contains(text) }, "\(text) in \(texts)")
        }
    }

    @Test(arguments: [
        ("    projection: *, UPPER(a) AS b", "a value that begins with '*' stands in quotes: \"*, UPPER(a) AS b\""),
        ("    filter: 'status = 'PAID''", "a text with ' in it stands in double quotes"),
        ("    filter: \"status = \"PAID\"\"", "a text with \" in it stands in single quotes"),
        ("    description: orders: those of the shop", "stands in quotes: \"orders: those of the shop\""),
        ("    source-table: @orders", "a value that begins with '@' stands in quotes"),
        ("\tfilter: a", "indent with blanks: YAML takes no tabs there"),
        (
            "    properties: { path: ${WH:-./w}/x, other: c }",
            "inside { } and [ ] a value with ${…} stands in quotes: \"${WH:-./w}/x\""
        ), ("    topics: [a, ${T}]", "stands in quotes: \"${T}\""),
        ("    x: {\n      path: ${WH},\n      other: c }", "stands in quotes: \"${WH}\""),
        ("    topic-pattern: [a-z]+", "a value that begins with '[' and is a text stands in quotes"),
    ])
    func `a line that is not YAML says which quotes are missing`(_ line: String, _ hint: String) {
        let yaml = "name: shop\ntransform:\n  - description: x\n\(line)\n"
        let problems = Topology.check(yaml: yaml, environment: [:]).problems
        let first = problems.first?.description ?? ""
        #expect(first.contains("this is not YAML") && first.contains(hint), "\(first)")
    }
}
