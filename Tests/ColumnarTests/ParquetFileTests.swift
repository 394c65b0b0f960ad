import Bytes
import Columnar
import ObjectStorage
import Testing
import WeirTesting

struct ParquetFileTests {
    /// Writes the batches to a file in the folder.
    static func write(
        _ batches: [ColumnBatch],
        to path: String,
        settings: ParquetSettings = ParquetSettings()
    ) throws -> ParquetFileSummary {
        let schema = try #require(batches.first).schema
        let writer = try ParquetFileWriter(schema: schema, to: LocalObjectStorage().create(path), settings: settings)
        for batch in batches { try writer.write(batch) }
        return try writer.finish()
    }

    /// Reads a whole file as one batch; checks that row positions are gapless unless groups may be skipped.
    static func read(_ path: String, _ schema: Schema, batchRows: Int = 65_536) throws -> ColumnBatch {
        let reader = try ParquetFileReader(LocalObjectStorage().open(path), schema: schema, batchRows: batchRows)
        var batches: [ColumnBatch] = []
        var row: Int64 = 0
        while let (batch, firstRow) = try reader.next() {
            #expect(firstRow == row)
            #expect(batch.count <= batchRows)
            row += Int64(batch.count)
            batches.append(batch)
        }
        #expect(reader.rowCount == row)
        return batches.isEmpty ? .empty(schema) : .concatenated(batches)
    }

    @Test(arguments: [(1, 65_536), (7, 3), (1000, 100), (3000, 65_536)])
    func `gives back every type`(_ rows: Int, _ batchRows: Int) throws {
        var generator = SeededGenerator(seed: UInt64(rows))
        try withTemporaryFolder { folder in
            let batches = (0..<3).map { _ in SampleRows.batch(rows: rows, using: &generator) }
            var settings = ParquetSettings()
            settings.rowGroupRows = 1100
            let path = folder + "/all.parquet"
            let summary = try Self.write(batches, to: path, settings: settings)
            #expect(summary.rowCount == Int64(3 * rows))
            #expect(summary.fileSize == (try LocalObjectStorage().open(path).size))
            #expect(summary.splitOffsets.count == (3 * rows + 1099) / 1100)
            let back = try Self.read(path, SampleRows.schema, batchRows: batchRows)
            #expect(back.scalars == batches.flatMap(\.scalars))
        }
    }

    @Test
    func `shows the file's schema with field ids`() throws {
        var generator = SeededGenerator(seed: 5)
        try withTemporaryFolder { folder in
            let path = folder + "/schema.parquet"
            _ = try Self.write([SampleRows.batch(rows: 2, using: &generator)], to: path)
            #expect(try ParquetFileReader.fileSchema(LocalObjectStorage().open(path)) == SampleRows.schema)
        }
    }

    @Test
    func `plain fields get no dictionary, and the others keep theirs`() throws {
        var generator = SeededGenerator(seed: 6)
        let schema = Schema([Field(id: 4, name: "a", type: .long), Field(id: 9, name: "b.c", type: .long)])
        let words = (0..<4).map { _ in Int64.random(in: .min ... .max, using: &generator) }
        var columns = [[Int64]](repeating: [], count: 2)
        for _ in 0..<20_000 {
            for index in columns.indices { columns[index].append(words[Int.random(in: 0..<4, using: &generator)]) }
        }
        let vectors = columns.map { values in
            var builder = ColumnBuilder(.long)
            for value in values { builder.append(value) }
            return builder.finish()
        }
        let batch = ColumnBatch(schema: schema, columns: vectors, count: 20_000)
        try withTemporaryFolder { folder in
            var settings = ParquetSettings()
            let both = try Self.write([batch], to: folder + "/both.parquet", settings: settings)
            settings.plainFields = [9, 77]
            let path = folder + "/one.parquet"
            let one = try Self.write([batch], to: path, settings: settings)
            #expect(one.columns[0].compressedSize == both.columns[0].compressedSize)
            #expect(one.columns[1].compressedSize != both.columns[1].compressedSize)
            #expect(try Self.read(path, schema).scalars == batch.scalars)
        }
    }
}
