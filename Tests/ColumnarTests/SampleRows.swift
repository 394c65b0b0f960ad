import Bytes
import Columnar
import WeirTesting

/// Seeded rows of every primitive type.
enum SampleRows {
    static let types: [FieldType] = [
        .boolean, .int, .long, .float, .double, .decimal(precision: 7, scale: 2), .decimal(precision: 15, scale: 3),
        .decimal(precision: 38, scale: 10), .date, .time, .timestamp, .timestamptz, .string, .uuid, .fixed(5), .binary,
    ]

    /// Two columns of every type: an optional one, then a required one.
    static let schema = Schema(
        types.enumerated().flatMap { index, type in
            [
                Field(id: 100 + index, name: "o\(index)", type: type),
                Field(id: 200 + index, name: "r\(index)", type: type, isRequired: true),
            ]
        }
    )

    static func batch(_ schema: Schema = schema, rows: Int, using generator: inout SeededGenerator) -> ColumnBatch {
        let columns = schema.fields.map { field in
            var builder = ColumnBuilder(field.type, capacity: rows)
            for _ in 0..<rows {
                let isNull = !field.isRequired && Int.random(in: 0..<4, using: &generator) == 0
                builder.append(isNull ? .null : value(field.type, using: &generator))
            }
            return builder.finish()
        }
        return ColumnBatch(schema: schema, columns: columns, count: rows)
    }

    static func value(_ type: FieldType, using generator: inout SeededGenerator) -> Scalar {
        func text() -> String {
            let words = ["", "a", "weir", "dam 水", "😀!", "\"quoted\"\n", "longer words that repeat themselves"]
            return (words.randomElement(using: &generator) ?? "") + (words.randomElement(using: &generator) ?? "")
        }
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        switch type {
        case .boolean: return .boolean(Bool.random(using: &generator))
        case .int: return .int(Int32.random(in: Int32.min...Int32.max, using: &generator))
        case .long: return .long(Int64.random(in: -1000...1000, using: &generator))
        case .float: return .float(Float.random(in: -1e9...1e9, using: &generator))
        case .double: return .double(Double.random(in: -1e9...1e9, using: &generator))
        case .decimal(let precision, let scale):
            let limit = (0..<precision).reduce(Int128(1)) { product, _ in product * 10 } - 1
            return .decimal(Int128.random(in: -limit...limit, using: &generator), scale: scale)
        case .date: return .date(Int32.random(in: -100_000...100_000, using: &generator))
        case .time: return .time(Int64.random(in: 0..<86_400_000_000, using: &generator))
        case .timestamp: return .timestamp(Int64.random(in: -1 << 55...1 << 55, using: &generator))
        case .timestamptz: return .timestamptz(Int64.random(in: -1 << 55...1 << 55, using: &generator))
        case .string: return .string(text())
        case .uuid: return .uuid(UInt128.random(in: 0...UInt128.max, using: &generator))
        case .fixed(let length): return .fixed(bytes(length))
        case .binary: return .binary(bytes(Int.random(in: 0..<9, using: &generator)))
        case .list, .map, .structure, .other: return .null
        }
    }
}

extension ColumnBatch {
    /// All values, row by row, for comparison.
    var scalars: [[Scalar]] { (0..<count).map { row in columns.map { $0.scalar(row) } } }
}
