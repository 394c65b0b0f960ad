import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// Scan plans over other engines' metadata, from the fixtures of the format's tests.
@Suite struct ForeignTableTests {
    static func table(_ name: String) throws -> Table {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder, storage: FixtureStorage(table: name))
            let id = TableIdentifier(namespace: ["db"], name: name)
            try catalog.register(id, metadataLocation: "table.metadata.json")
            return try catalog.load(id)
        }
    }

    @Test func `Spark's merge-on-read table, with two specs and position deletes`() throws {
        let table = try Self.table("spark-v2")
        let tasks = try table.plan()
        #expect(tasks.count == 8)
        #expect(tasks.reduce(0) { $0 + $1.file.recordCount } == 44)
        #expect(Set(tasks.map(\.specId)) == [0, 1])
        // Three rows of bucket 3 and the updated row of bucket 2; the rewrite of the manifests kept sequence numbers.
        let deleted = tasks.filter { !$0.deletes.isEmpty }
        #expect(deleted.map { $0.deletes.count } == [1, 1])
        #expect(deleted.allSatisfy { $0.dataSequenceNumber <= $0.deletes[0].dataSequenceNumber })
        #expect(Set(tasks.map(\.dataSequenceNumber)) == [1, 3, 4])
        // Only one hour of the second spec can hold row 42's time; the first spec has no hours to prune by.
        let bound = RowFilter.Bound(field: 2, .greaterOrEqual, .timestamptz(42 * 3_600_000_000))
        let pruned = try table.plan(bounds: [bound], statisticsOf: [])
        #expect(pruned.filter { $0.specId == 1 }.count < tasks.filter { $0.specId == 1 }.count)
        #expect(pruned.filter { $0.specId == 0 }.count == 4)
        #expect(try table.plan(sequencesAbove: 3).map(\.dataSequenceNumber) == [4])
        #expect(table.ancestors(of: table.currentSnapshot?.id).count == 6)
        let tag = try #require(table.metadata.references["t1"])
        #expect(tag.isTag)
        #expect(try table.plan(snapshotId: tag.snapshotId).count == 9)
    }

    @Test func `a version 1 table reads with sequence number 0 and is not written`() throws {
        let table = try Self.table("spark-v1")
        let tasks = try table.plan()
        #expect(tasks.count == 3)
        #expect(tasks.allSatisfy { $0.dataSequenceNumber == 0 && $0.deletes.isEmpty })
        let error = #expect(throws: WeirError.self) { try table.appending("x") }
        #expect(error?.code == .unsupported)
        let bound = RowFilter.Bound(field: 2, .less, .timestamptz(0))
        #expect(try table.plan(bounds: [bound]).map { $0.file.partition[0] } == [.date(-1)])
    }

    @Test func `Spark's deletion vectors are found by data file`() throws {
        let table = try Self.table("spark-v3")
        let tasks = try table.plan()
        #expect(tasks.map(\.file.firstRowId) == [0])
        #expect(tasks[0].deletes.map(\.file.isDeletionVector) == [true])
        #expect(tasks[0].deletes[0].file.referencedDataFile == tasks[0].file.path)
        #expect(try table.plan(snapshotId: table.snapshots[0].id).allSatisfy { $0.deletes.isEmpty })
    }

    /// Of an upgraded table one data file got a vector, and the other still has the position deletes of version 2.
    @Test func `a vector hides the position deletes of its data file, and of no other`() throws {
        let table = try Self.table("spark-v3-upgraded")
        let tasks = try table.plan().sorted { $0.dataSequenceNumber < $1.dataSequenceNumber }
        #expect(tasks.map { $0.deletes.map(\.file.isDeletionVector) } == [[true], [false]])
        #expect(tasks.map { $0.deletes.map(\.file.recordCount) } == [[32], [15]])
        // Before the upgrade, rows had no ids.
        let before = try table.plan(snapshotId: table.snapshots[2].id)
        #expect(before.allSatisfy { $0.file.firstRowId == nil && $0.deletes.allSatisfy { !$0.file.isDeletionVector } })
    }

    @Test func `PyIceberg's tables after deletes and schema changes`() throws {
        #expect(try Self.table("pyiceberg-deleted").plan().reduce(0) { $0 + $1.file.recordCount } == 26)
        #expect(try Self.table("pyiceberg-evolved").plan().reduce(0) { $0 + $1.file.recordCount } == 5)
        #expect(try Self.table("pyiceberg-by_hour").plan().reduce(0) { $0 + $1.file.recordCount } == 40)
        // `small` was an int when most files were written and is a long now.
        let evolved = try Self.table("pyiceberg-evolved")
        let bound = RowFilter.Bound(field: 3, .greater, .long(1 << 33))
        #expect(try evolved.plan(bounds: [bound]).map(\.file.recordCount) == [1])
    }

    @Test func `the uuids' buckets are PyIceberg's`() throws {
        let table = try Self.table("pyiceberg-by_bucket_uuid")
        for task in try table.plan() where task.file.partition[0] != .null {
            let lower = try #require(task.file.lowerBounds[17])
            let bucket = try table.spec.fields[0].transform.apply(try SingleValue.decode(lower, .uuid))
            #expect(bucket == task.file.partition[0])
        }
    }
}
