import Bytes
import Columnar
import Foundation
import ObjectStorage
import Testing
import WeirTesting

/// Columns that are missing from a file, and columns stored under other names.
@Suite struct AbsentColumnTests {
    private static let numbers: [Int64] = [1, 2, 3, 4, 5]

    /// A file with one column `n`, with field id 1 or without field ids.
    private static func write(_ folder: String, hasIds: Bool = true) throws -> String {
        let path = folder + "/\(UUID().uuidString).parquet"
        let schema = Schema([Field(id: hasIds ? 1 : -1, name: "n", type: .long)])
        var builder = ColumnBuilder(.long)
        for number in numbers { builder.append(number) }
        let writer = try ParquetFileWriter(schema: schema, to: LocalObjectStorage().create(path))
        try writer.write(ColumnBatch(schema: schema, columns: [builder.finish()], count: numbers.count))
        _ = try writer.finish()
        return path
    }

    private static func read(
        _ path: String,
        _ fields: [Field],
        _ columns: FileColumns,
        bounds: [RowFilter.Bound] = [],
        batchRows: Int = 65_536
    ) throws -> [[Scalar]] {
        let reader = try ParquetFileReader(
            LocalObjectStorage().open(path),
            schema: Schema(fields),
            columns: columns,
            bounds: bounds,
            batchRows: batchRows
        )
        var rows: [[Scalar]] = []
        while let (batch, _) = try reader.next() {
            for row in 0..<batch.count { rows.append(batch.columns.map { $0.scalar(row) }) }
        }
        return rows
    }

    private static let n = Field(id: 1, name: "n", type: .long)

    @Test(
        arguments: [
            (.boolean, .boolean(true), .boolean(true)), (.int, .int(-7), .int(-7)), (.long, .int(-7), .long(-7)),
            (.int, .long(9), .int(9)), (.float, .float(1.5), .float(1.5)), (.double, .float(1.5), .double(1.5)),
            (.decimal(precision: 9, scale: 2), .decimal(-125, scale: 2), .decimal(-125, scale: 2)),
            (.date, .date(-1), .date(-1)), (.time, .time(5), .time(5)), (.timestamp, .timestamp(-5), .timestamp(-5)),
            (.timestamptz, .timestamptz(5), .timestamptz(5)), (.string, .string("ä"), .string("ä")),
            (.uuid, .uuid(7), .uuid(7)), (.fixed(2), .fixed([1, 2]), .fixed([1, 2])),
            (.binary, .binary([]), .binary([])), (.long, .null, .null),
        ] as [(FieldType, Scalar, Scalar)]
    )
    func `an absent column has its value in every row`(type: FieldType, value: Scalar, expected: Scalar) throws {
        try withTemporaryFolder { folder in
            let path = try Self.write(folder)
            let field = Field(id: 2, name: "c", type: type)
            let columns = FileColumns(substitutes: [2: value, 1: .long(99)])
            // The column the file has is not replaced.
            let all = Self.numbers.map { [expected, .long($0)] }
            for batchRows in [2, 65_536] {
                #expect(try Self.read(path, [field, Self.n], columns, batchRows: batchRows) == all)
            }
            // No column of the file is read.
            #expect(try Self.read(path, [field], columns) == Self.numbers.map { _ in [expected] })
        }
    }

    @Test func `a value that is none of its column is refused`() throws {
        try withTemporaryFolder { folder in
            let path = try Self.write(folder)
            let field = Field(id: 2, name: "c", type: .int)
            for value in [Scalar.string("x"), .long(1 << 40), .date(1)] {
                let error = #expect(throws: WeirError.self) {
                    try Self.read(path, [field], FileColumns(substitutes: [2: value]))
                }
                #expect(error?.code == .corrupt && error?.message.contains("'c'") == true)
            }
        }
    }

    @Test func `long values make the batches short`() throws {
        try withTemporaryFolder { folder in
            let path = try Self.write(folder)
            let text = String(repeating: "x", count: 40 << 20)
            let field = Field(id: 2, name: "c", type: .string)
            let reader = try ParquetFileReader(
                LocalObjectStorage().open(path),
                schema: Schema([field]),
                columns: FileColumns(substitutes: [2: .string(text)])
            )
            var counts: [Int] = []
            while let (batch, _) = try reader.next() { counts.append(batch.count) }
            #expect(counts == [1, 1, 1, 1, 1])
        }
    }

    @Test(
        arguments: [
            (.equal, .int(7), true), (.equal, .int(8), false), (.less, .int(8), true), (.less, .int(7), false),
            (.lessOrEqual, .int(7), true), (.greater, .int(7), false), (.greater, .int(6), true),
            (.greaterOrEqual, .int(8), false),
        ] as [(RowFilter.Bound.Comparison, Scalar, Bool)]
    )
    func `row groups are ruled out by the value, never by its absence`(
        comparison: RowFilter.Bound.Comparison,
        bound: Scalar,
        stays: Bool
    ) throws {
        try withTemporaryFolder { folder in
            let path = try Self.write(folder)
            let bounds = [RowFilter.Bound(field: 2, comparison, bound)]
            let columns = FileColumns(substitutes: [2: .int(7)])
            #expect(try Self.read(path, [Self.n], columns, bounds: bounds).isEmpty == !stays)
            #expect(try Self.read(path, [Self.n], FileColumns(), bounds: bounds).isEmpty)
        }
    }

    @Test func `files without ids are read by mapped names`() throws {
        try withTemporaryFolder { folder in
            let path = try Self.write(folder, hasIds: false)
            let renamed = Field(id: 1, name: "renamed", type: .long)
            let values = Self.numbers.map { [Scalar.long($0)] }
            let nulls = Self.numbers.map { _ in [Scalar.null] }
            let mapped = FileColumns(names: [1: ["m", "n"]], substitutes: [1: .long(0)])
            #expect(try Self.read(path, [renamed], mapped) == values)
            // Without a mapping, a column is found by its own name.
            #expect(try Self.read(path, [renamed], FileColumns()) == nulls)
            #expect(try Self.read(path, [Self.n], FileColumns()) == values)
            // With a mapping, a name that is not in it belongs to no field.
            #expect(try Self.read(path, [Self.n], FileColumns(names: [2: ["n"]])) == nulls)
            // Statistics are found by the same names.
            for (limit, count) in [(Int64(5), 0), (4, 5)] {
                let bounds = [RowFilter.Bound(field: 1, .greater, .long(limit))]
                let other = Field(id: 3, name: "other", type: .long)
                #expect(try Self.read(path, [other], mapped, bounds: bounds).count == count)
            }
            // If the file has field ids, the mapping is not used.
            let withIds = try Self.write(folder)
            #expect(try Self.read(withIds, [Self.n], FileColumns(names: [1: ["x"], 2: ["n"]])) == values)
            let second = Field(id: 2, name: "n", type: .long)
            #expect(try Self.read(withIds, [second], FileColumns(names: [2: ["n"]])) == nulls)
        }
    }
}
