import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// A temporarily full disk fails one epoch and leaves no orphan file.
@Suite struct WriterFailureTests {
    private static let rows: [(ChangeKind, ModelRow)] = (0..<40).map {
        (.insert, [.long(Int64($0)), .uuid(UInt128($0)), .string("n")])
    }

    @Test func `an epoch that cannot be finished leaves nothing`() throws {
        var failures = 0
        for failAt in 0..<40 {
            try withTemporaryFolder { folder in
                let real = try MixedTableModelTests.create(.partitionedByKey, in: folder)
                let files = FaultyFileSystem(failAt: failAt, fault: .outOfSpace)
                let catalog = try SQLiteCatalog(
                    path: folder + "/catalog.db",
                    warehouse: "file://" + folder,
                    storage: LocalObjectStorage(files: files)
                )
                let table = try MixedTable.load(real.identifier, from: catalog)
                let writer = try KeyedTableWriter(table)
                do {
                    _ = try writer.write(.changes(Self.rows, table.schema))
                    _ = try writer.cut()
                } catch {
                    failures += 1
                    writer.abandon()
                    let left = try LocalObjectStorage().list(folder).filter { $0.path.hasSuffix(".parquet") }
                    #expect(left.isEmpty, "step \(failAt): \(left.map(\.path))")
                }
            }
        }
        #expect(failures > 20)
    }

    @Test func `an optimizing run that is not committed leaves nothing`() throws {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(.partitionedByKey, in: folder)
            let writer = try KeyedTableWriter(table)
            _ = try writer.write(.changes(Self.rows, table.schema))
            table = try table.commit(try writer.cut(), topology: "t", from: .init(), to: .init(["a": [0: 1]]))
            _ = try FullOptimize(table, nowMilliseconds: 1).run()
            let files = { try table.base.storage.list(folder).count { $0.path.hasSuffix(".parquet") } }
            let before = try files()
            #expect(throws: WeirError.self) { try FullOptimize(table, nowMilliseconds: 1).run() }
            #expect(try files() == before)
        }
    }
}
