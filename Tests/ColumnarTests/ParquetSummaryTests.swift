import Bytes
import Columnar
import ObjectStorage
import Testing
import WeirTesting

struct ParquetSummaryTests {
    static func summary(
        _ type: FieldType,
        _ values: [Scalar],
        rowGroupRows: Int = 2
    ) throws -> ParquetFileSummary.ColumnSummary {
        var builder = ColumnBuilder(type)
        for value in values { builder.append(value) }
        let schema = Schema([Field(id: 5, name: "c", type: type)])
        let batch = ColumnBatch(schema: schema, columns: [builder.finish()], count: values.count)
        var settings = ParquetSettings()
        settings.rowGroupRows = rowGroupRows
        return try withTemporaryFolder { folder in
            try #require(ParquetFileTests.write([batch], to: folder + "/f", settings: settings).columns.first)
        }
    }

    @Test(arguments: SampleRows.types)
    func `bounds and counts hold over row groups`(_ type: FieldType) throws {
        var generator = SeededGenerator(seed: 29)
        var values = (0..<90).map { _ in SampleRows.value(type, using: &generator) }
        for index in stride(from: 0, to: 90, by: 7) { values[index] = .null }
        let summary = try Self.summary(type, values, rowGroupRows: 20)
        let known = values.filter { $0 != .null }.sorted { $0.precedes($1) == true }
        #expect(summary.field == 5)
        #expect(summary.valueCount == 90)
        #expect(summary.nullCount == 13)
        #expect(summary.nanCount == 0)
        #expect(summary.lower == known.first)
        #expect(summary.upper == known.last)
        #expect(summary.compressedSize > 0)
    }

    @Test
    func `NaN is counted and kept out of bounds`() throws {
        let mixed = try Self.summary(.double, [.double(.nan), .double(.nan), .double(2), .double(-1), .null])
        #expect(mixed.nanCount == 2)
        #expect(mixed.lower == .double(-1) && mixed.upper == .double(2))
        let only = try Self.summary(.float, [.float(.nan), .null])
        #expect(only.nanCount == 1 && only.nullCount == 1)
        #expect(only.lower == nil && only.upper == nil)
    }

    @Test
    func `nothing but nulls has no bounds`() throws {
        let summary = try Self.summary(.string, [.null, .null, .null])
        #expect(summary.nullCount == 3 && summary.lower == nil && summary.upper == nil)
    }

    @Test
    func `values too long for a footer leave the bounds unknown`() throws {
        let long = String(repeating: "z", count: 100_000)
        let summary = try Self.summary(.string, [.string("a"), .string("b"), .string(long)])
        #expect(summary.lower == nil && summary.upper == nil)
    }

    @Test
    func `a null in a required column is refused`() {
        let schema = Schema([Field(id: 1, name: "key", type: .long, isRequired: true)])
        let batch = ColumnBatch(schema: schema, columns: [.nulls(.long, count: 3)], count: 3)
        withTemporaryFolder { folder in
            let error = #expect(throws: WeirError.self) { try ParquetFileTests.write([batch], to: folder + "/f") }
            #expect(error?.code == .invalid && error?.message.contains("key") == true)
        }
    }

    @Test
    func `the size grows with what is written, and an abandoned file is gone`() throws {
        var generator = SeededGenerator(seed: 31)
        let batch = SampleRows.batch(rows: 2000, using: &generator)
        try withTemporaryFolder { folder in
            let path = folder + "/f"
            let writer = try ParquetFileWriter(schema: batch.schema, to: LocalObjectStorage().create(path))
            var last = writer.writtenBytes
            for _ in 0..<5 {
                try writer.write(batch)
                #expect(writer.writtenBytes > last)
                last = writer.writtenBytes
            }
            writer.abandon()
            #expect(try !LocalObjectStorage().exists(path))
        }
    }

    @Test
    func `a file without rows is a file`() throws {
        try withTemporaryFolder { folder in
            let summary = try ParquetFileTests.write([.empty(SampleRows.schema)], to: folder + "/f")
            #expect(summary.rowCount == 0 && summary.splitOffsets.isEmpty)
            #expect(try ParquetFileTests.read(folder + "/f", SampleRows.schema).count == 0)
        }
    }
}
