import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

@testable import MixedTables
@testable import Optimizing

/// Delete files go whose data files are gone.
@Suite struct DanglingDeletesTests {
    /// Another engine writes all rows of base into one file, and leaves the delete files.
    private func compact(_ world: World) throws {
        let base = try world.table.base.refreshed()
        let path = "\(base.dataLocation)/compacted-\(UInt64.random(in: 0...UInt64.max)).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        try writer.write(
            .rows(world.rows.sorted { $0.key < $1.key }.map { [.long($0.key), .string($0.value), .null] }, base.schema)
        )
        var transaction = Transaction(base)
        transaction.overwrite(
            adding: [DataFile(parquet: path, try writer.finish(), specId: base.spec.id)],
            removing: try base.plan().map(\.file),
            operation: .replace
        )
        _ = try transaction.commit()
    }

    @Test func `position deletes of rewritten files go, and those that apply stay`() throws {
        var world = try World()
        try world.write(0..<6)
        try world.materialize()
        try world.write(0..<2, name: "b")
        try world.materialize(rewriteBytes: 0)
        #expect(try DanglingDeletes.find(in: world.table.base).isEmpty)
        let before = try world.table.base.plan().flatMap { $0.deletes.map(\.file.path) }
        #expect(!before.isEmpty)
        try compact(world)
        try world.refresh()
        try world.write(2..<3, name: "c")
        try world.materialize(rewriteBytes: 0)
        let base = world.table.base
        #expect(try Set(DanglingDeletes.find(in: base).map(\.path)) == Set(before))
        let holder = ReadPoint(current: world.table)
        let keys = world.materializer?.loadedKeys
        let outcome = try DanglingDeletes(world.table, nowMs: world.time.now).run()
        #expect(outcome.files == before.count)
        let commit = try #require(outcome.table.base.currentSnapshot)
        #expect(commit.operation == "replace" && commit.summary["snapshot.producer"] == "CLEAN_DANGLING_DELETE")
        #expect(commit.isMaintenance && CatchUp(from: holder, to: outcome.table) == .nothing)
        #expect(try outcome.table.base.plan().contains { !$0.deletes.isEmpty })
        try world.check()
        // A second run finds nothing, and what moves changes goes on with the keys that it knows.
        #expect(try DanglingDeletes(outcome.table, nowMs: world.time.now).run().files == 0)
        try world.write(1..<5, name: "d")
        try world.materialize(rewriteBytes: 0)
        #expect(world.materializer?.loadedKeys ?? 0 <= (keys ?? 0) + 8)
        try world.check()
    }

    @Test func `an equality delete goes once all files before it are gone`() throws {
        var world = try World(key: [])
        try world.write([1])
        let base = world.table.base
        let delete = DataFile(
            content: .equalityDeletes,
            path: base.dataLocation + "/eq.parquet",
            specId: base.spec.id,
            recordCount: 1,
            fileSize: 10,
            equalityIds: [1]
        )
        var add = Transaction(base)
        add.overwrite(adding: [], addingDeletes: [delete], removing: [])
        let with = try add.commit()
        #expect(try DanglingDeletes.find(in: with).isEmpty)
        try world.refresh()
        try world.write([2])
        try world.refresh()
        let first = try world.table.base.plan().filter { !$0.deletes.isEmpty }
        #expect(first.count == 1)
        var remove = Transaction(world.table.base)
        remove.overwrite(adding: [], removing: first.map(\.file), operation: .delete)
        _ = try remove.commit()
        #expect(try DanglingDeletes.find(in: world.table.base.refreshed()).map(\.path) == [delete.path])
        #expect(try DanglingDeletes(world.table, nowMs: 0).run().files == 1)
        #expect(try world.table.base.refreshed().plan().count == 1)
    }

    @Test func `a commit in between is looked at again, and a rewrite that is at work is left alone`() throws {
        var world = try World()
        try world.write(0..<6)
        try world.materialize()
        try world.write(0..<2, name: "b")
        try world.materialize(rewriteBytes: 0)
        try compact(world)
        try world.refresh()
        let now = world.time.now
        _ = try BaseHold.take(on: world.table, nowMilliseconds: now)
        #expect(try DanglingDeletes(world.table, nowMs: now).run().files == 0)
        let stale = world.table
        world.time.advance(minutes: 30)
        try world.write(2..<3, name: "c")
        try world.materialize(rewriteBytes: 0)
        #expect(try DanglingDeletes(stale, nowMs: world.time.now).run().files > 0)
        try world.check()
    }
}
