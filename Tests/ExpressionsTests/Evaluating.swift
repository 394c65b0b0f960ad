import Bytes
import Columnar
import Expressions
import Testing

/// A batch of the given rows.
func batch(_ columns: [(String, FieldType)], _ rows: [[Scalar]]) -> ColumnBatch {
    let schema = Schema(columns.enumerated().map { Field(id: $0 + 1, name: $1.0, type: $1.1) })
    let vectors = columns.enumerated().map { index, column in
        var builder = ColumnBuilder(column.1)
        for row in rows { builder.append(row[index]) }
        return builder.finish()
    }
    return ColumnBatch(schema: schema, columns: vectors, count: rows.count)
}

/// One row with values of most types, and a row of nulls.
let samples = batch(
    [
        ("i", .int), ("l", .long), ("d", .double), ("f", .float), ("m", .decimal(precision: 12, scale: 2)),
        ("s", .string),
        ("b", .boolean), ("day", .date), ("ts", .timestamp), ("tz", .timestamptz), ("u", .uuid), ("n", .string),
    ],
    [
        [
            .int(7), .long(5_000_000_000), .double(2.5), .float(1.5), .decimal(1999, scale: 2), .string("Grüße"),
            .boolean(true), .date(19_849), .timestamp(1_714_990_830_123_456), .timestamptz(1_714_990_830_000_000),
            .uuid(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff), .null,
        ],
        Array(repeating: .null, count: 12),
    ]
)

/// The value of an expression for the first sample row; nil when the row failed.
func value(_ text: String) throws -> Scalar? {
    let bound = try SQLExpression.parse(text).bind(to: samples.schema)
    let (column, failures) = try bound.evaluate(samples)
    #expect(column.count == samples.count)
    #expect(column.type == bound.type)
    return failures.contains { $0.row == 0 } ? nil : column.scalar(0)
}

/// The error of the first sample row.
func failure(_ text: String) throws -> String? {
    try SQLExpression.parse(text).bind(to: samples.schema).evaluate(samples).failures.first { $0.row == 0 }?.reason
}

/// The error of compiling an expression.
func complaint(_ text: String) -> String {
    do {
        _ = try SQLExpression.parse(text).bind(to: samples.schema)
        return "nothing"
    } catch {
        return "\(error)"
    }
}
