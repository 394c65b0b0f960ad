import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import MixedTables

/// Splitting of rows by partition, node and type, compared with a split row by row.
@Suite struct PartitionedFileWriterTests {
    private static let schema = Schema(
        [
            ("id", FieldType.long), ("flag", .boolean), ("small", .int), ("large", .long), ("score", .float),
            ("ratio", .double), ("price", .decimal(precision: 9, scale: 2)),
            ("huge", .decimal(precision: 38, scale: 3)),
            ("day", .date), ("local", .timestamp), ("name", .string), ("photo", .binary), ("mark", .fixed(5)),
            ("token", .uuid),
        ].enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
    )

    /// Transforms that are defined for every value of their column.
    private static let transforms: [String: [Transform]] = [
        "flag": [.identity], "small": [.identity, .bucket(3)], "large": [.identity, .bucket(7)],
        "score": [.identity], "ratio": [.identity, .void], "price": [.identity, .bucket(2)],
        "huge": [.bucket(5)], "day": [.identity, .year, .month, .day, .bucket(4)], "local": [.year, .month, .day],
        "name": [.identity, .truncate(1), .bucket(3)], "photo": [.truncate(1)], "mark": [.identity],
        "token": [.identity, .bucket(4)],
    ]

    private static func spec(_ random: inout SeededGenerator) throws -> PartitionSpec {
        var columns = transforms.keys.sorted()
        let fields = try (0..<Int(random.next() % 3) + 1).map { number in
            let name = columns.remove(at: Int(random.next() % UInt64(columns.count)))
            let choices = transforms[name] ?? []
            let source = try #require(schema.field(named: name))
            return PartitionField(
                sourceId: source.id,
                id: 1000 + number,
                name: "part\(number)",
                transform: choices[Int(random.next() % UInt64(choices.count))]
            )
        }
        return PartitionSpec(id: 0, fields: fields)
    }

    private static func row(_ id: Int, _ random: inout SeededGenerator) -> ModelRow {
        schema.fields.enumerated().map { index, field in
            if index == 0 { return .long(Int64(id)) }
            if random.next() % 5 == 0 { return .null }
            let values = EdgeValues.of(field.type)
            return values[Int(random.next() % UInt64(values.count))]
        }
    }

    /// A file's location, computed without the writer.
    private struct Destination: Hashable {
        let partition: PartitionKey
        let node: Int
        let type: DataFileType
    }

    private static func read(_ path: String) throws -> [ModelRow] {
        let reader = try ParquetFileReader(try LocalObjectStorage().open(path), schema: schema)
        var rows: [ModelRow] = []
        while let (batch, _) = try reader.next() { rows += (0..<batch.count).map { batch.modelRow($0) } }
        return rows
    }

    @Test(arguments: SeededGenerator.seeds(12))
    func `every row is in the file of its partition, node and type, in order`(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            var random = SeededGenerator(seed: seed)
            let spec = try Self.spec(&random)
            let nodes = 1 << Int(random.next() % 3)
            let storage = CountingStorage()
            // Small enough to reach every limit.
            var limits = PartitionedFileWriter.Limits()
            limits.openFiles = Int(random.next() % 6) + 1
            limits.openBytes = 1 << Int64(random.next() % 8 + 10)
            limits.writeRows = Int(random.next() % 40) + 1
            limits.waitingBytes = 1 << Int(random.next() % 9 + 10)
            limits.fewFiles = Int(random.next() % 3)
            var dictionary = PartitionDictionary(spec: spec, schema: Self.schema)
            let writer = PartitionedFileWriter(
                storage: storage,
                dataLocation: folder + "/data",
                spec: spec,
                schema: Self.schema,
                columns: Self.schema,
                properties: [:],
                nodes: nodes,
                targetFileBytes: Int64(random.next() % 3 == 0 ? 6_000 : 1 << 30),
                limits: limits,
                random: &random
            )
            var expected: [Destination: [ModelRow]] = [:]
            var total = 0
            for number in 0..<12 {
                let count = Int(random.next() % 300)
                let type: DataFileType = random.next() % 3 == 0 ? .equalityDelete : .insert
                let rows = (0..<count).map { Self.row(number * 1000 + $0, &random) }
                let batch = ColumnBatch.rows(rows, Self.schema)
                let hashes = (0..<count).map { _ in Int32(truncatingIfNeeded: random.next() >> 33) }
                for (row, hash) in zip(rows, hashes) {
                    let values = try spec.fields.map { field in
                        try field.transform.apply(row[field.sourceId - 1])
                    }
                    let index = Destination(
                        partition: PartitionKey(specId: 0, values: values),
                        node: TreeNode(hash: hash, buckets: nodes).id,
                        type: type
                    )
                    expected[index, default: []].append(row)
                }
                let ordinals = try dictionary.ordinals(of: batch)
                let known = dictionary.values
                try writer.write(batch, partitions: ordinals, hashes: hashes, type: type) { known[Int($0)] }
                total += count
                #expect(writer.byteCount >= 0)
            }
            #expect(dictionary.values.count == Set(expected.keys.map(\.partition)).count, "seed \(seed)")
            let files = try writer.finish()
            #expect(storage.openMax <= limits.openFiles && storage.open == 0, "seed \(seed)")
            #expect(writer.rowCount == Int64(total))
            var found: [Destination: [ModelRow]] = [:]
            for file in files.sorted(by: { $0.path.suffix(14) < $1.path.suffix(14) }) {
                let name = try #require(DataFileName(path: file.path))
                let rows = try Self.read(file.path)
                #expect(file.recordCount == Int64(rows.count))
                let index = Destination(partition: PartitionKey(file), node: name.node.id, type: name.type)
                found[index, default: []] += rows
            }
            #expect(found.keys.count == expected.keys.count, "seed \(seed)")
            for (index, rows) in expected {
                #expect(found[index].map(Self.texts) == Self.texts(rows), "seed \(seed) \(index)")
            }
        }
    }

    /// Rows as text, so that NaN equals NaN and −0.0 differs from 0.0.
    private static func texts(_ rows: [ModelRow]) -> [String] { rows.map { "\($0)" } }

    @Test func `writers share the files that may be open, and each always gets one`() throws {
        try withTemporaryFolder { folder in
            var random = SeededGenerator(seed: 3)
            let storage = CountingStorage()
            var limits = PartitionedFileWriter.Limits()
            limits.budget = OpenFileBudget(files: 8)
            limits.writeRows = 1
            let spec = try PartitionSpec(parsing: ["id"], schema: Self.schema)
            var dictionary = PartitionDictionary(spec: spec, schema: Self.schema)
            let writers = (0..<10).map { number in
                PartitionedFileWriter(
                    storage: storage,
                    dataLocation: folder + "/data\(number)",
                    spec: spec,
                    schema: Self.schema,
                    columns: Self.schema,
                    properties: [:],
                    nodes: 1,
                    targetFileBytes: 1 << 30,
                    limits: limits,
                    random: &random
                )
            }
            let batch = ColumnBatch.rows((0..<12).map { Self.row($0, &random) }, Self.schema)
            let ordinals = try dictionary.ordinals(of: batch)
            let known = dictionary.values
            for (number, writer) in writers.enumerated() {
                try writer.write(batch, partitions: ordinals, hashes: nil, type: .insert) { known[Int($0)] }
                // Each writer that has started has at least one.
                #expect(limits.budget.taken <= 8 + number && limits.budget.taken > number)
            }
            #expect(storage.openMax <= 17)
            for writer in writers.dropLast() { #expect(try writer.finish().count == 12) }
            writers[9].abandon()
            #expect(limits.budget.taken == 0 && storage.open == 0)
        }
    }

    @Test func `rows of another type than the file's are refused`() {
        withTemporaryFolder { folder in
            var random = SeededGenerator(seed: 1)
            let wide = Schema([Field(id: 1, name: "quantity", type: .long)])
            let writer = PartitionedFileWriter(
                storage: LocalObjectStorage(),
                dataLocation: folder + "/data",
                spec: .unpartitioned,
                schema: wide,
                columns: wide,
                properties: [:],
                nodes: 1,
                targetFileBytes: 1 << 30,
                random: &random
            )
            defer { writer.abandon() }
            let narrow = ColumnBatch.rows([[.int(1)]], Schema([Field(id: 1, name: "quantity", type: .int)]))
            let error = #expect(throws: WeirError.self) {
                try writer.write(narrow, partitions: [0], hashes: nil, type: .base) { _ in [] }
            }
            #expect(error?.message == "column 'quantity' is long in the table and int in the rows for it")
        }
    }

    @Test func `a failure leaves no file behind`() throws {
        try withTemporaryFolder { folder in
            var random = SeededGenerator(seed: 1)
            let storage = CountingStorage(failingFrom: 30)
            var limits = PartitionedFileWriter.Limits()
            limits.openFiles = 20
            limits.writeRows = 1
            let spec = try PartitionSpec(parsing: ["id"], schema: Self.schema)
            var dictionary = PartitionDictionary(spec: spec, schema: Self.schema)
            let writer = PartitionedFileWriter(
                storage: storage,
                dataLocation: folder + "/data",
                spec: spec,
                schema: Self.schema,
                columns: Self.schema,
                properties: [:],
                nodes: 1,
                targetFileBytes: 1 << 30,
                limits: limits,
                random: &random
            )
            let batch = ColumnBatch.rows((0..<60).map { Self.row($0, &random) }, Self.schema)
            let ordinals = try dictionary.ordinals(of: batch)
            let known = dictionary.values
            #expect(throws: WeirError.self) {
                try writer.write(batch, partitions: ordinals, hashes: nil, type: .insert) { known[Int($0)] }
                _ = try writer.finish()
            }
            writer.abandon()
            let left = try LocalObjectStorage().list(folder + "/data")
            #expect(left.isEmpty, "\(left.map(\.path))")
        }
    }
}

/// Local storage that counts objects being written and, from a given number on, fails to finish them.
private final class CountingStorage: ObjectStorage {
    private struct Counts {
        var open = 0
        var openMax = 0
        var finished = 0
    }

    private let real = LocalObjectStorage()
    private let counts = Mutex(Counts())
    private let failingFrom: Int

    init(failingFrom: Int = .max) { self.failingFrom = failingFrom }

    var open: Int { counts.withLock { $0.open } }
    var openMax: Int { counts.withLock { $0.openMax } }

    private final class Writer: ObjectWriter {
        let real: any ObjectWriter
        let storage: CountingStorage

        init(_ real: any ObjectWriter, _ storage: CountingStorage) {
            self.real = real
            self.storage = storage
        }

        var count: Int64 { real.count }
        func write(_ bytes: UnsafeRawBufferPointer) throws(WeirError) { try real.write(bytes) }

        func finish() throws(WeirError) {
            let number = storage.counts.withLock { counts in
                counts.finished += 1
                return counts.finished
            }
            if number >= storage.failingFrom { throw WeirError(.storage, "the disk is gone") }
            try real.finish()
            storage.counts.withLock { $0.open -= 1 }
        }

        func abandon() {
            real.abandon()
            storage.counts.withLock { $0.open -= 1 }
        }
    }

    func create(_ path: String) throws(WeirError) -> any ObjectWriter {
        let writer = try real.create(path)
        counts.withLock { counts in
            counts.open += 1
            counts.openMax = max(counts.openMax, counts.open)
        }
        return Writer(writer, self)
    }

    func open(_ path: String) throws(WeirError) -> any ObjectReader { try real.open(path) }
    func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) { try real.putNew(path, bytes) }
    func exists(_ path: String) throws(WeirError) -> Bool { try real.exists(path) }
    func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] { try real.list(prefix) }
    func delete(_ path: String) throws(WeirError) { try real.delete(path) }
}
