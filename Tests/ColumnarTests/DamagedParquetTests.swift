import Bytes
import Columnar
import ObjectStorage
import Testing
import WeirTesting

/// Truncated or modified files give an error or the right rows, and never crash.
struct DamagedParquetTests {
    /// An object in memory.
    final class Bytes: ObjectReader, @unchecked Sendable {
        // Never changed after init.
        let path = "memory/damaged.parquet"
        let bytes: [UInt8]
        let failAt: Int?
        private var reads = 0

        init(_ bytes: [UInt8], failAt: Int? = nil) {
            self.bytes = bytes
            self.failAt = failAt
        }

        var size: Int64 { Int64(bytes.count) }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
            defer { reads += 1 }
            if reads == failAt { throw WeirError(.storage, "simulated read failure", at: path) }
            let rest = bytes[min(Int(offset), bytes.count)...].prefix(buffer.count)
            buffer.copyBytes(from: rest)
            return rest.count
        }
    }

    static func sample() throws -> (bytes: [UInt8], rows: [[Scalar]]) {
        var generator = SeededGenerator(seed: 19)
        let batch = SampleRows.batch(rows: 300, using: &generator)
        return try withTemporaryFolder { folder in
            var settings = ParquetSettings()
            settings.rowGroupRows = 128
            _ = try ParquetFileTests.write([batch], to: folder + "/f", settings: settings)
            return (try LocalObjectStorage().read(folder + "/f"), batch.scalars)
        }
    }

    static func rows(_ object: Bytes) throws(WeirError) -> [[Scalar]] {
        let reader = try ParquetFileReader(object, schema: SampleRows.schema)
        var rows: [[Scalar]] = []
        while let (batch, _) = try reader.next() { rows += batch.scalars }
        return rows
    }

    @Test
    func `a file cut anywhere is corrupt`() throws {
        let (bytes, _) = try Self.sample()
        for length in stride(from: 0, to: bytes.count, by: Soak.stride(97)) + [
            bytes.count - 1, bytes.count - 8, 4, 8, 11, 12,
        ] {
            let error = #expect(throws: WeirError.self) { try Self.rows(Bytes(Array(bytes[..<length]))) }
            #expect(error?.code == .corrupt, "\(length) bytes: \(String(describing: error))")
            #expect(error?.location?.contains("memory/damaged.parquet") == true)
        }
    }

    @Test(arguments: SeededGenerator.seeds(2))
    func `flipped bits in pages never give wrong rows`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (bytes, expected) = try Self.sample()
        let footer = bytes.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 8
        var detected = 0
        for _ in 0..<120 {
            var damaged = bytes
            let index = Int.random(in: 4..<bytes.count - footer, using: &generator)
            damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            do {
                let rows = try Self.rows(Bytes(damaged))
                #expect(rows == expected, "seed \(seed), byte \(index)")
            } catch {
                #expect(error.location?.contains("memory/damaged.parquet") == true, "\(error)")
                detected += 1
            }
        }
        // Column chunks carry checksums, page headers included.
        #expect(detected == 120)
    }

    @Test(arguments: SeededGenerator.seeds(2))
    func `a flipped bit of a footer is told, or changes nothing`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (bytes, expected) = try Self.sample()
        let footer = bytes.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 8
        var undetected: Set<Int> = []
        for _ in 0..<300 {
            var damaged = bytes
            let index = Int.random(in: bytes.count - footer..<bytes.count, using: &generator)
            damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            do throws(WeirError) {
                let rows = try Self.rows(Bytes(damaged))
                #expect(rows == expected, "seed \(seed), byte \(index)")
                undetected.insert(index)
            } catch {
                #expect(error.location?.contains("memory/damaged.parquet") == true, "\(error)")
            }
        }
        // A flip in the name of the checksum hides the checksum but changes no data.
        #expect(undetected.count <= "weir.crc32c".utf8.count + 2, "seed \(seed): \(undetected)")
    }

    @Test func `a footer larger than one read is checked too`() throws {
        let fields = (1...900).map { Field(id: $0, name: "a column with a long name \($0)", type: .long) }
        let schema = Schema(fields)
        var builder = ColumnBuilder(.long, capacity: 3)
        for number in Int64(1)...3 { builder.append(.long(number)) }
        let column = builder.finish()
        let batch = ColumnBatch(schema: schema, columns: fields.map { _ in column }, count: 3)
        try withTemporaryFolder { folder in
            let writer = try ParquetFileWriter(schema: schema, to: LocalObjectStorage().create(folder + "/f"))
            try writer.write(batch)
            _ = try writer.finish()
            let bytes = try LocalObjectStorage().read(folder + "/f")
            let footer = bytes.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 8
            #expect(footer > 65_536)
            #expect(try ParquetFileReader.fileSchema(Bytes(bytes)).count == 900)
            var damaged = bytes
            // In the name of a column.
            damaged[bytes.count - footer + footer / 20] ^= 4
            #expect(throws: WeirError.self) { try ParquetFileReader.fileSchema(Bytes(damaged)) }
        }
    }

    @Test(arguments: SeededGenerator.seeds(2))
    func `a damaged footer ends in an error or in rows, not in a crash`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (bytes, _) = try Self.sample()
        let footer = bytes.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 8
        for _ in 0..<150 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: bytes.count - footer..<bytes.count, using: &generator)] =
                    UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? Self.rows(Bytes(damaged))
            _ = try? ParquetFileReader.fileSchema(Bytes(damaged))
        }
    }

    @Test
    func `something else than Parquet is refused by name`() throws {
        let error = #expect(throws: WeirError.self) { try Self.rows(Bytes(Array("hello, this is no table".utf8))) }
        #expect(error?.code == .corrupt)
        #expect(error?.description.contains("memory/damaged.parquet") == true)
    }

    @Test
    func `a failing read comes out as the storage's own error`() throws {
        let (bytes, _) = try Self.sample()
        for step in 0..<40 {
            let error = #expect(throws: WeirError.self) { try Self.rows(Bytes(bytes, failAt: step)) }
            #expect(error == WeirError(.storage, "simulated read failure", at: "memory/damaged.parquet"))
        }
    }

    @Test
    func `a failing write comes out as the storage's own error, and nothing is left`() throws {
        var generator = SeededGenerator(seed: 23)
        let batch = SampleRows.batch(rows: 500, using: &generator)
        var settings = ParquetSettings()
        settings.rowGroupRows = 200
        func write(_ files: FaultyFileSystem, _ path: String) throws {
            let writer = try ParquetFileWriter(
                schema: batch.schema,
                to: LocalObjectStorage(files: files).create(path),
                settings: settings
            )
            do {
                try writer.write(batch)
                _ = try writer.finish()
            } catch {
                writer.abandon()
                throw error
            }
        }
        try withTemporaryFolder { folder in
            let counting = FaultyFileSystem()
            try write(counting, folder + "/whole")
            #expect(counting.steps > 4)
            for step in 0..<counting.steps {
                let files = FaultyFileSystem(failAt: step, fault: .outOfSpace)
                let error = #expect(throws: WeirError.self) { try write(files, folder + "/part\(step)") }
                #expect(error?.code == .outOfSpace, "step \(step): \(String(describing: error))")
                #expect(try !LocalObjectStorage().exists(folder + "/part\(step)"), "step \(step) of \(counting.steps)")
            }
        }
    }
}
