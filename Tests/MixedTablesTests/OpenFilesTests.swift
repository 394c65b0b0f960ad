import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

/// Counts the objects that are open for reading.
private final class OpenCount: Sendable {
    private let state = Mutex((open: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func change(_ by: Int) {
        state.withLock { state in
            state.open += by
            state.most = max(state.most, state.open)
        }
    }

    func reset() { state.withLock { $0.most = $0.open } }
}

private struct CountingStorage: ObjectStorage {
    private final class Reader: ObjectReader {
        private let reader: any ObjectReader
        private let count: OpenCount

        init(_ reader: any ObjectReader, _ count: OpenCount) {
            self.reader = reader
            self.count = count
            count.change(1)
        }

        deinit { count.change(-1) }

        var path: String { reader.path }
        var size: Int64 { reader.size }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(WeirError) -> Int {
            try reader.read(into: buffer, at: offset)
        }
    }

    let count = OpenCount()
    private let local = LocalObjectStorage(files: FaultyFileSystem())

    func create(_ path: String) throws(WeirError) -> any ObjectWriter { try local.create(path) }
    func open(_ path: String) throws(WeirError) -> any ObjectReader { Reader(try local.open(path), count) }
    func putNew(_ path: String, _ bytes: [UInt8]) throws(WeirError) { try local.putNew(path, bytes) }
    func exists(_ path: String) throws(WeirError) -> Bool { try local.exists(path) }
    func list(_ prefix: String) throws(WeirError) -> [ObjectEntry] { try local.list(prefix) }
    func delete(_ path: String) throws(WeirError) { try local.delete(path) }
}

/// A commit with many partitions is read in change order with few open files.
@Suite struct OpenFilesTests {
    @Test func `however many files a commit has, few are open`() throws {
        try withTemporaryFolder { folder in
            let storage = CountingStorage()
            let catalog = try SQLiteCatalog(
                path: folder + "/catalog.db",
                warehouse: "file://" + folder,
                storage: storage
            )
            try catalog.createNamespace(["shop"])
            let schema = Schema([
                Field(id: 1, name: "id", type: .int), Field(id: 2, name: "part", type: .int),
                Field(id: 3, name: "value", type: .long),
            ])
            let spec = try PartitionSpec(parsing: ["part"], schema: schema)
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "t"),
                schema: schema,
                partitionSpec: spec,
                primaryKey: ["id", "part"]
            )
            var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            let writer = try KeyedTableWriter(table)
            let partitions = 130
            let rows: [(ChangeKind, ModelRow)] = (0..<(partitions * 40)).map { number in
                (.insert, [.int(Int32(number)), .int(Int32(number % partitions)), .long(Int64(number))])
            }
            #expect(try writer.write(.changes(rows, schema)).isEmpty)
            let gone = rows.prefix(partitions * 2).map { (ChangeKind.delete, $0.1) }
            #expect(try writer.write(.changes(gone, schema)).isEmpty)
            table = try table.commit(try writer.cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            #expect(try table.change?.plan().count ?? 0 > 300)

            storage.count.reset()
            var values: [Int64] = []
            var deletes = 0
            try ChangeLogScan(table, after: 0).forEach { (batch) throws(WeirError) in
                for row in 0..<batch.count {
                    guard case .long(let value) = batch.rows.modelRow(row)[2] else { continue }
                    if batch.kind(row) == .delete { deletes += 1 } else { values.append(value) }
                }
                return true
            }
            #expect(values == (0..<Int64(partitions * 40)).map { $0 } && deletes == partitions * 2)
            #expect(storage.count.most <= 40, "\(storage.count.most) files were open at once")
            // The same for the state of the table, as a dimension loads it.
            storage.count.reset()
            #expect(try MergeOnReadScan(table).count() == partitions * 38)
            #expect(storage.count.most <= 40, "\(storage.count.most) files were open at once")
        }
    }
}
