import Bytes
import Columnar
import Expressions
import Testing

@Suite struct RowFilterTests {
    private func bounds(_ text: String) throws -> [RowFilter.Bound] {
        try SQLExpression.parse(text).bindCondition(to: Scope(samples.schema)).rowFilter().bounds
    }

    @Test func `takes bounds from what must hold`() throws {
        #expect(try bounds("i > 5") == [.init(field: 1, .greater, .int(5))])
        #expect(
            try bounds("5 >= i AND l = 3") == [
                .init(field: 1, .lessOrEqual, .int(5)), .init(field: 2, .equal, .long(3)),
            ]
        )
        #expect(
            try bounds("i BETWEEN 1 AND 9") == [
                .init(field: 1, .greaterOrEqual, .int(1)), .init(field: 1, .lessOrEqual, .int(9)),
            ]
        )
        #expect(
            try bounds("s IN ('b', 'a', 'c')") == [
                .init(field: 6, .greaterOrEqual, .string("a")), .init(field: 6, .lessOrEqual, .string("c")),
            ]
        )
        #expect(try bounds("m < 10") == [.init(field: 5, .less, .decimal(1000, scale: 2))])
        #expect(
            try bounds("m < 10.5 AND d > 1") == [
                .init(field: 5, .less, .decimal(1050, scale: 2)), .init(field: 3, .greater, .double(1)),
            ]
        )
        #expect(try bounds("day >= '2024-05-06'") == [.init(field: 8, .greaterOrEqual, .date(19_849))])
        #expect(try bounds("ts < DATE '1970-01-02'") == [.init(field: 9, .less, .timestamp(86_400_000_000))])
        #expect(try bounds("i = 2 + 3") == [.init(field: 1, .equal, .int(5))])
        #expect(try bounds("f > 0.5") == [.init(field: 4, .greater, .float(0.5))])
        #expect(try bounds("b = TRUE AND i <> 3") == [.init(field: 7, .equal, .boolean(true))])
    }

    @Test(arguments: [
        "i > 1.5", "i > 5000000000", "m < 0.001", "f > 0.1", "i > 5 OR l > 5", "NOT i > 5", "i <> 5", "i + 1 > 5",
        "i > l", "i = NULL",
        "s LIKE 'a%'", "i IN (1, NULL)", "i NOT IN (1)", "d = CAST('NaN' AS DOUBLE)", "b", "CAST(i AS BIGINT) = 5",
    ])
    func `takes no bound where none is certain`(text: String) throws {
        #expect(try bounds(text) == [])
    }

    @Test func `selects the rows that are true`() throws {
        let rows = batch([("x", .long)], (0..<20).map { $0 % 5 == 0 ? [.null] : [.long(Int64($0))] })
        let filter = try SQLExpression.parse("x % 2 = 0").bindCondition(to: Scope(rows.schema)).rowFilter()
        #expect(try filter.select(rows) == [2, 4, 6, 8, 12, 14, 16, 18])
        #expect(filter.fields == [1])
        // The same column at another index of a wider file.
        let wide = ColumnBatch(
            schema: Schema([Field(id: 9, name: "y", type: .long), Field(id: 1, name: "renamed", type: .long)]),
            columns: [rows.columns[0], rows.columns[0]],
            count: 20
        )
        #expect(try filter.select(wide).count == 8)
        #expect(try filter.select(rows.sliced(from: 3, count: 6)) == [1, 3, 5])
    }

    @Test func `stops at a row without a result`() throws {
        let filter = try SQLExpression.parse("1 / (i - 7) > 0").bindCondition(to: Scope(samples.schema)).rowFilter()
        #expect(throws: WeirError.self) { try filter.select(samples) }
    }
}
