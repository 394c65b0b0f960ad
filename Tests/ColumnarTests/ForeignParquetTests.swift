import Bytes
import Columnar
import Foundation
import ObjectStorage
import Testing

/// Files of another writer; see `Fixtures/README.md`.
struct ForeignParquetTests {
    static func open(_ name: String) throws -> any ObjectReader {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/" + name, withExtension: nil))
        return try LocalObjectStorage().open(url.path)
    }

    static func read(_ name: String, _ fields: [Field]) throws -> ColumnBatch {
        let reader = try ParquetFileReader(open(name), schema: Schema(fields))
        var batches: [ColumnBatch] = []
        while let (batch, _) = try reader.next() { batches.append(batch) }
        return .concatenated(batches)
    }

    static func column(_ name: String, as type: FieldType) throws -> [Scalar] {
        try read("foreign-types.parquet", [Field(id: 77, name: name, type: type)]).scalars.map { $0[0] }
    }

    static let conversions: [(column: String, type: FieldType, first: Scalar, last: Scalar)] = [
        ("i8", .int, .int(1), .int(-3)),
        ("i8", .long, .long(1), .long(-3)),
        ("i16", .int, .int(1), .int(-3)),
        ("i16", .long, .long(1), .long(-3)),
        ("u8", .int, .int(1), .int(255)),
        ("u8", .long, .long(1), .long(255)),
        ("u16", .int, .int(1), .int(65_535)),
        ("u16", .long, .long(1), .long(65_535)),
        ("u32", .long, .long(1), .long(4_294_967_295)),
        ("dec", .decimal(precision: 7, scale: 2), .decimal(125, scale: 2), .decimal(-9_999_999, scale: 2)),
        ("dec", .decimal(precision: 20, scale: 2), .decimal(125, scale: 2), .decimal(-9_999_999, scale: 2)),
        ("ts_ms", .timestamp, .timestamp(1_510_871_468_123_000), .timestamp(-315_619_200_000_000)),
        ("ts_ns", .timestamp, .timestamp(1_510_871_468_123_456), .timestamp(-1)),
        ("ts_us_utc", .timestamptz, .timestamptz(1_510_871_468_123_456), .timestamptz(-315_619_199_999_999)),
        ("t_ms", .time, .time(81_068_123_000), .time(0)),
        ("t_ns", .time, .time(81_068_123_456), .time(0)),
        ("large", .string, .string("a"), .string("水")),
        ("large", .binary, .binary([0x61]), .binary([0xe6, 0xb0, 0xb4])),
        ("dict", .string, .string("x"), .string("x")),
        ("uuid", .uuid, .uuid(0xf79c_3e09_677c_4bbd_a479_3f34_9cb7_85e7), .uuid(0)),
        ("fixed", .fixed(3), .fixed([0x61, 0x62, 0x63]), .fixed([0x78, 0x79, 0x7a])),
        ("bin", .binary, .binary([0xff]), .binary([])),
    ]

    @Test(arguments: conversions.indices)
    func `reads other physical forms by name`(_ index: Int) throws {
        let row = Self.conversions[index]
        #expect(try Self.column(row.column, as: row.type) == [row.first, .null, row.last])
    }

    @Test
    func `reads flat columns beside nested ones, and NaN`() throws {
        #expect(try Self.column("last", as: .long) == [.long(7), .long(8), .long(9)])
        let values = try Self.column("f", as: .double)
        guard case .double(let last) = values[2] else { throw WeirError(.invalid, "no double") }
        #expect(values[0] == .double(1.5) && values[1] == .null && last.isNaN)
    }

    @Test
    func `int96 serves as timestamp and as timestamptz`() throws {
        let wanted: [Int64?] = [1_510_871_468_123_456, nil, -315_619_199_999_999]
        let local = try Self.read("int96.parquet", [Field(id: 1, name: "ts", type: .timestamp)])
        #expect(local.scalars.map { $0[0] } == wanted.map { $0.map { .timestamp($0) } ?? .null })
        let instant = try Self.read("int96.parquet", [Field(id: 1, name: "ts", type: .timestamptz)])
        #expect(instant.scalars.map { $0[0] } == wanted.map { $0.map { .timestamptz($0) } ?? .null })
    }

    @Test
    func `types that Arrow restores from its own schema are read as columns`() throws {
        let schema = Schema([
            Field(id: 1, name: "dict", type: .string), Field(id: 2, name: "day", type: .date),
            Field(id: 3, name: "berlin", type: .timestamptz), Field(id: 4, name: "large", type: .binary),
            Field(id: 5, name: "uuid", type: .uuid),
        ])
        let rows = try Self.read("arrow-schema.parquet", schema.fields).scalars
        #expect(rows.count == 2000)
        for row in 0..<2000 {
            #expect(
                rows[row] == [
                    row % 5 == 0 ? .null : .string("word\(row % 7)"), .date(Int32(row - 1000)),
                    .timestamptz(Int64(row)),
                    .binary([UInt8(row % 256)]), .uuid(UInt128(row)),
                ]
            )
        }
        let file = try ParquetFileReader.fileSchema(Self.open("arrow-schema.parquet"))
        #expect(file.fields.map(\.type) == [.string, .date, .timestamptz, .binary, .uuid])
    }

    @Test
    func `columns are found by field id, promoted, and null when missing`() throws {
        let batch = try Self.read(
            "field-ids.parquet",
            [
                Field(id: 4, name: "text", type: .string), Field(id: 99, name: "price", type: .double),
                Field(id: 1, name: "id", type: .long), Field(id: 2, name: "p", type: .double),
                Field(id: 3, name: "d", type: .decimal(precision: 38, scale: 2)),
            ]
        )
        #expect(batch.count == 1000)
        for row in [0, 1, 999] {
            let text = "k" + String(repeating: "0", count: 5 - "\(row)".count) + "\(row)"
            #expect(
                batch.scalars[row] == [
                    .string(text), .null, .long(Int64(row)), .double(Double(row) / 4),
                    .decimal(Int128(row * 25), scale: 2),
                ]
            )
        }
    }

    @Test(arguments: [
        ("u64", FieldType.long), ("u32", .int), ("ts_us_utc", .timestamp), ("ts_ms", .timestamptz), ("list", .int),
        ("struct", .string), ("dec", .decimal(precision: 5, scale: 2)), ("dec", .decimal(precision: 9, scale: 3)),
        ("last", .int), ("fixed", .fixed(4)), ("fixed", .binary), ("large", .int), ("uuid", .string), ("f", .long),
    ])
    func `a column of another type is an error that names file, column and both types`(
        _ column: String,
        _ type: FieldType
    ) throws {
        let error = #expect(throws: WeirError.self) { try Self.column(column, as: type) }
        let text = error?.description ?? ""
        #expect(text.contains(column) && text.contains("\(type)") && text.contains("foreign-types.parquet"), "\(text)")
    }

    @Test
    func `the schema of a foreign file tells its types`() throws {
        let schema = try ParquetFileReader.fileSchema(Self.open("foreign-types.parquet"))
        #expect(schema.field(named: "uuid")?.type == .uuid)
        #expect(schema.field(named: "i8")?.id == -1)
        #expect(schema.field(named: "u64")?.type == .other("unsigned long"))
        #expect(schema.field(named: "list")?.type.description == "list<int>")
        #expect(schema.field(named: "struct")?.type.description == "struct<a: int, b: string>")
        let withIDs = try ParquetFileReader.fileSchema(Self.open("field-ids.parquet"))
        #expect(withIDs.fields.map(\.id) == [1, 2, 3, 4])
        #expect(withIDs.fields.map(\.isRequired) == [false, false, false, true])
    }

    @Test
    func `no columns at all still count the rows`() throws {
        let reader = try ParquetFileReader(Self.open("field-ids.parquet"), schema: Schema([]), batchRows: 30)
        var row: Int64 = 0
        while let (batch, firstRow) = try reader.next() {
            #expect(firstRow == row)
            #expect((1...30).contains(batch.count))
            row += Int64(batch.count)
        }
        #expect(row == 1000)
    }

    @Test
    func `bounds skip row groups and leave positions true`() throws {
        func rows(_ bounds: [RowFilter.Bound]) throws -> [Int64] {
            let schema = Schema([Field(id: 1, name: "id", type: .long), Field(id: 4, name: "s", type: .string)])
            let reader = try ParquetFileReader(Self.open("field-ids.parquet"), schema: schema, bounds: bounds)
            #expect(reader.rowCount == 1000)
            var found: [Int64] = []
            while let (batch, firstRow) = try reader.next() {
                for row in 0..<batch.count {
                    #expect(batch.columns[0].scalar(row) == .long(firstRow + Int64(row)))
                    found.append(firstRow + Int64(row))
                }
            }
            return found
        }
        #expect(try rows([]) == Array(0..<1000))
        #expect(try rows([.init(field: 1, .equal, .long(250))]) == Array(200..<300))
        #expect(try rows([.init(field: 1, .less, .long(100))]) == Array(0..<100))
        #expect(try rows([.init(field: 1, .lessOrEqual, .long(100))]) == Array(0..<200))
        #expect(try rows([.init(field: 1, .greater, .long(899))]) == Array(900..<1000))
        #expect(try rows([.init(field: 1, .greaterOrEqual, .long(899))]) == Array(800..<1000))
        #expect(try rows([.init(field: 1, .greater, .long(5000))]) == [])
        #expect(try rows([.init(field: 4, .equal, .string("k00250"))]) == Array(200..<300))
        #expect(
            try rows([.init(field: 1, .greater, .long(350)), .init(field: 4, .less, .string("k00410"))])
                == Array(300..<500)
        )
        // Columns that were not requested are not in the result.
        #expect(try rows([.init(field: 3, .greaterOrEqual, .decimal(22_500, scale: 2))]) == Array(900..<1000))
        #expect(try rows([.init(field: 99, .equal, .long(1))]) == [])
        // A value of another type or scale excludes no row group.
        #expect(try rows([.init(field: 1, .equal, .string("x"))]).count == 1000)
        #expect(try rows([.init(field: 3, .equal, .decimal(1, scale: 5))]).count == 1000)
        // NaN sorts above every bound, so nothing above is ruled out.
        #expect(try rows([.init(field: 2, .greater, .double(1e9))]).count == 1000)
        #expect(try rows([.init(field: 2, .less, .double(25))]) == Array(0..<100))
    }
}
