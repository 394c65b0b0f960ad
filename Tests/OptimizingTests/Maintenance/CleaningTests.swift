import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

@testable import Optimizing

/// Finding, holding and deleting files that a table does not need.
@Suite struct CleaningTests {
    private static let all = Set(FoundFileClass.allCases)
    private static let day: Int64 = 24 * 60

    private func cleaning(_ world: World, quarantineMs: Int64? = nil) throws -> TableCleaning {
        TableCleaning(
            try world.table.refreshed(),
            neighbours: try NeighbourFolders(of: world.catalog),
            quarantineMs: quarantineMs,
            nowMs: world.time.now
        )
    }

    private func quarantine(_ world: World) throws -> TableCleaning.Outcome {
        try cleaning(world).run(.init(quarantines: Self.all))
    }

    private func delete(_ world: World) throws -> TableCleaning.Outcome {
        try cleaning(world).run(.init(deletes: Self.all))
    }

    /// A table whose first snapshots have expired.
    private func worldWithExpired() throws -> World {
        var world = try World(partitions: 2, properties: ["snapshot.keep.max-count": "2"])
        for round in 0..<5 {
            try world.write(0..<6, name: "\(round)")
            try world.materialize()
        }
        return world
    }

    /// A parquet file of base that nothing names.
    private func stage(_ world: World, id: Int64 = 500) throws -> DataFile {
        let base = world.table.base
        let path = "\(base.dataLocation)/1-B-0-00000-0-77-0000\(id).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        try writer.write(.rows([[.long(id), .string("staged"), .null]], base.schema))
        let bucket: [Scalar] = base.spec.fields.isEmpty ? [] : [try Transform.bucket(2).apply(.long(id))]
        return DataFile(parquet: path, try writer.finish(), partition: bucket, specId: base.spec.id)
    }

    private func isThere(_ path: String, _ world: World) throws -> Bool { try world.storage.exists(path) }

    @Test func `looking changes nothing, and tells expired files from files that nothing has named`() throws {
        let world = try worldWithExpired()
        let file = try stage(world)
        let before = Set(world.storage.objects.paths)
        let found = try cleaning(world).run(.look)
        #expect(Set(world.storage.objects.paths) == before)
        let orphan = try #require(found.items.first { $0.file.path == file.path })
        #expect(orphan.file.fileClass == .orphan && orphan.file.writer == "operation 77")
        guard case .left(.young) = orphan.fate else { throw WeirError(.invalid, "\(orphan.fate)") }
        let expired = found.items.filter { $0.file.fileClass == .expired }
        #expect(expired.count == found.items.count - 1 && expired.allSatisfy { $0.fate == .left(.found) })
        #expect(
            expired.contains { $0.file.path.contains("/snap-") }
                && expired.contains { $0.file.path.hasSuffix("-m0.avro") }
        )
        #expect(
            expired.contains { $0.file.path.hasSuffix(".puffin") }
                && expired.contains { $0.file.path.hasSuffix(".parquet") }
        )
        try world.check()
    }

    @Test func `files go at the second look, after the time of quarantine`() throws {
        let world = try worldWithExpired()
        let first = try quarantine(world)
        let put = first.count { if case .quarantined = $0 { true } else { false } }
        #expect(put.files == first.items.count && put.files > 10)
        world.time.advance(minutes: 59)
        #expect(try delete(world).count { $0 == .deleted }.files == 0)
        world.time.advance(minutes: 2)
        let second = try delete(world)
        #expect(second.count { $0 == .deleted }.files == put.files && second.items.count == put.files)
        #expect(try cleaning(world).run(.look).items.isEmpty)
        #expect(!world.storage.objects.paths.contains { $0.contains("weir-quarantine") })
        try world.check()
        var next = world
        try next.write(3..<9)
        try next.materialize()
        try next.check()
    }

    @Test func `what was taken out of quarantine starts again`() throws {
        let world = try worldWithExpired()
        let count = try quarantine(world).items.count
        world.time.advance(minutes: 61)
        #expect(try cleaning(world).undo() == count)
        let after = try delete(world)
        #expect(after.items.count == count && after.items.allSatisfy { $0.fate == .left(.found) })
    }

    @Test func `a file in quarantine that a commit names is needed again`() throws {
        let world = try worldWithExpired()
        let file = try stage(world)
        world.time.advance(minutes: 3 * Self.day)
        #expect(try quarantine(world).items.contains { $0.file.path == file.path })
        var append = Transaction(try world.table.base.refreshed())
        append.append([file])
        _ = try append.commit()
        world.time.advance(minutes: 61)
        #expect(try delete(world).reclaimed == [file.path])
        #expect(try isThere(file.path, world))
        var rows = world.rows
        rows[500] = "staged"
        #expect(try World.contents(MergeOnReadScan(world.table.refreshed())) == rows)
        #expect(try delete(world).reclaimed.isEmpty)
    }

    @Test func `a file that a commit names while others are being deleted stays`() throws {
        var world = try World(key: [], properties: ["snapshot.keep.max-count": "2"])
        for id in 0..<40 { try world.write([Int64(id)]) }
        world.table = try FullOptimize(world.table, nowMilliseconds: world.time.now).run().table
        for id in 40..<44 { try world.write([Int64(id)]) }
        // The youngest goes last.
        let file = try stage(world)
        world.time.advance(minutes: 3 * Self.day)
        _ = try quarantine(world)
        world.time.advance(minutes: 61)
        let files = FaultyFileSystem()
        let base = try world.table.base.refreshed()
        files.interrupt(before: 0) {
            files.endInterruptions()
            var append = Transaction(base)
            append.append([file])
            _ = try? append.commit()
        }
        try world.restart(files)
        let outcome = try delete(world)
        #expect(outcome.count { $0 == .deleted }.files > 40 && outcome.reclaimed == [file.path])
        #expect(
            try isThere(file.path, world) && world.table.base.refreshed().plan().contains { $0.file.path == file.path }
        )
    }

    @Test func `a file that was written again waits again`() throws {
        let world = try worldWithExpired()
        let path = "\(world.table.base.dataLocation)/stray.parquet"
        try world.storage.putNew(path, [1])
        world.time.advance(minutes: 3 * Self.day)
        _ = try quarantine(world)
        world.time.advance(minutes: 61)
        try world.storage.delete(path)
        try world.storage.putNew(path, [1])
        _ = try delete(world)
        #expect(try isThere(path, world))
    }

    @Test(arguments: [false, true]) func `by itself only what is known to be over goes`(orphans: Bool) throws {
        var world = try worldWithExpired()
        world.table = try world.table.altered(
            setting: ["clean-orphan-file.enabled": orphans ? "true" : "false"],
            removing: []
        )
        let file = try stage(world)
        let list = "\(world.table.base.metadataFolder)/snap-12345-1-abc.avro"
        try world.storage.putNew(list, [1, 2, 3])
        world.time.advance(minutes: 3 * Self.day)
        let mode = TableCleaning.Mode(unattended: MaintenanceSettings(world.table.properties))
        _ = try cleaning(world).run(mode)
        world.time.advance(minutes: 61)
        _ = try cleaning(world).run(mode)
        #expect(try isThere(file.path, world) == !orphans && isThere(list, world) == !orphans)
        #expect(try cleaning(world).run(.look).items.count == (orphans ? 0 : 2))
        try world.check()
    }

    @Test func `nothing is deleted while a manifest cannot be read`() throws {
        let world = try worldWithExpired()
        _ = try quarantine(world)
        world.time.advance(minutes: 61)
        let base = try world.table.base.refreshed()
        let snapshot = try #require(base.currentSnapshot?.manifestList)
        let bytes = try world.storage.read(snapshot)
        // Lists are cached by name, so the metadata names one that nobody has read.
        let lost = snapshot + "x"
        let text = String(decoding: try world.storage.read(base.metadataLocation), as: UTF8.self)
            .replacing(#/,"weir-crc32c":"[^"]*"/#, with: "").replacing(snapshot, with: lost)
        try world.storage.delete(base.metadataLocation)
        try world.storage.putNew(base.metadataLocation, Array(text.utf8))
        var reopened = world
        reopened.table = try MixedTable.load(world.identifier, from: world.catalog)
        let before = Set(world.storage.objects.paths)
        for bytes in [nil, Array(bytes.prefix(40))] {
            if let bytes { try world.storage.putNew(lost, bytes) }
            let error = #expect(throws: WeirError.self) {
                try cleaning(reopened).run(.init(quarantines: Self.all, deletes: Self.all))
            }
            #expect(error?.message.contains("nothing is deleted") == true, "\(error as Any)")
        }
        // The change store comes first and is whole.
        let left = Set(world.storage.objects.paths)
        #expect(before.subtracting(left).allSatisfy { $0.contains("things_change_") })
    }

    @Test func `folders of other tables are left alone`() throws {
        let world = try worldWithExpired()
        let schema = world.table.base.schema
        // One within the table's data folder, and one that shares it.
        let inner = try world.catalog.create(
            TableIdentifier(namespace: ["db"], name: "inner"),
            schema: schema,
            location: world.table.base.dataLocation + "/inner"
        )
        let files = [inner.location + "/data/x.parquet", inner.location + "/loose.parquet"]
        for file in files { try world.storage.putNew(file, [1]) }
        world.time.advance(minutes: 3 * Self.day)
        #expect(try quarantine(world).items.allSatisfy { !$0.file.path.contains("/inner/") })
        _ = try world.catalog.create(
            TableIdentifier(namespace: ["db"], name: "sharing"),
            schema: schema,
            properties: ["write.data.path": world.table.base.dataLocation]
        )
        let error = #expect(throws: WeirError.self) { try quarantine(world) }
        #expect(error?.message.contains("db.sharing") == true)
    }

    @Test func `outside of the table's own folder only its own files go`() throws {
        var world = try World(
            properties: ["snapshot.keep.max-count": "2", "write.data.path": "/elsewhere/things"]
        )
        // Both stores would share the folder.
        let change = try world.change
        var moved = Transaction(change)
        moved.setProperties(["write.data.path": "/elsewhere/changes"])
        _ = try moved.commit()
        try world.restart()
        for round in 0..<5 {
            try world.write(0..<6, name: "\(round)")
            try world.materialize()
        }
        let stray = "/elsewhere/things/somebody.parquet"
        try world.storage.putNew(stray, [1])
        world.time.advance(minutes: 3 * Self.day)
        _ = try quarantine(world)
        world.time.advance(minutes: 61)
        let gone = try delete(world).items.filter { $0.file.path.hasPrefix("/elsewhere/things/") }
        #expect(!gone.isEmpty && gone.allSatisfy { $0.fate == .deleted })
        #expect(try isThere(stray, world))
        try world.check()
    }

    @Test func `live files are known by their names, wherever the folder seems to be`() throws {
        let world = try worldWithExpired()
        // Another spelling of the folder, as through a link: all of it is there under another path.
        let base = world.table.base
        for (path, bytes) in world.storage.objects.objects where path.hasPrefix(base.location + "/") {
            try world.storage.putNew(path.replacing(base.location, with: "/link/things"), bytes)
        }
        _ = try world.catalog.commit(
            [TableCommit(base.identifier, requirements: [], updates: [.setLocation("/link/things")])],
            clock: world.time.clock
        )
        world.time.advance(minutes: 3 * Self.day)
        for _ in 0..<2 {
            _ = try cleaning(world).run(.init(quarantines: Self.all, deletes: Self.all))
            world.time.advance(minutes: 61)
        }
        let names = Set(world.storage.objects.paths.filter { $0.hasPrefix("/link/things/") }.map(\.lastPathComponent))
        let live = try base.refreshed().plan().map(\.file.path.lastPathComponent)
        #expect(!live.isEmpty && names.isSuperset(of: live))
        try world.check()
    }

    @Test func `hidden files and tables whose files belong to others too are left alone`() throws {
        var world = try worldWithExpired()
        let hidden = ["/_temporary/0.parquet", "/.part.parquet", "/_SUCCESS"].map { world.table.base.dataLocation + $0 }
        for path in hidden { try world.storage.putNew(path, [1]) }
        world.time.advance(minutes: 3 * Self.day)
        #expect(try quarantine(world).items.allSatisfy { !hidden.contains($0.file.path) })
        world.table = try world.table.altered(setting: ["gc.enabled": "false"], removing: [])
        let error = #expect(throws: WeirError.self) { try delete(world) }
        #expect(error?.message.contains("gc.enabled") == true)
        #expect(try !cleaning(world).run(.look).items.isEmpty)
    }

    @Test func `one spelling of a path stands for all`() {
        let path = "/a/b/c.parquet"
        for spelling in ["file:/a/b/c.parquet", "file:///a/b/c.parquet", "/a//b/./c.parquet", "file:///a/b//c.parquet"]
        {
            #expect(FilePath.normal(spelling) == path)
        }
        #expect(FilePath.normal("s3://bucket//a/b/") == "s3://bucket/a/b")
        #expect(FilePath.isInside("/a/bc", "/a/b") == false && FilePath.isInside("/a/b/c", "/a/b"))
    }

    @Test func `a crash at any step loses nothing and is made up for`() throws {
        var step = 0
        var crashes = 0
        while true {
            var world = try worldWithExpired()
            let orphan = try stage(world)
            world.time.advance(minutes: 3 * Self.day)
            let files = FaultyFileSystem(failAt: step)
            try world.restart(files)
            do {
                _ = try quarantine(world)
                world.time.advance(minutes: 61)
                _ = try delete(world)
            } catch {}
            let hasFailed = files.hasFailed
            try world.restart()
            try world.check("step \(step)")
            for _ in 0..<2 {
                _ = try cleaning(world).run(.init(quarantines: Self.all, deletes: Self.all))
                world.time.advance(minutes: 61)
            }
            #expect(try cleaning(world).run(.look).items.isEmpty && !isThere(orphan.path, world), "step \(step)")
            #expect(!world.storage.objects.paths.contains { $0.contains("weir-quarantine") }, "step \(step)")
            try world.check("step \(step)")
            guard hasFailed else { break }
            crashes += 1
            step += Soak.stride(3)
        }
        #expect(crashes > 5)
    }

    @Test func `a file that may not be deleted is told, and stays in quarantine`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["db"], ifNotExists: true)
            let table = try MixedTable.create(
                MixedTableDefinition(
                    identifier: TableIdentifier(namespace: ["db"], name: "t"),
                    schema: Schema([Field(id: 1, name: "id", type: .long)]),
                    properties: ["clean-orphan-file.min-existing-time-minutes": "1"]
                ),
                in: catalog,
                nowMilliseconds: 0
            )
            let stray = table.base.dataLocation + "/stray.parquet"
            try table.base.storage.putNew(stray, [1])
            let local = LocalObjectStorage.localPath(table.base.dataLocation)
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            func run(hours: Int64, _ mode: TableCleaning.Mode) throws -> TableCleaning.Outcome {
                let neighbours = try NeighbourFolders(of: catalog)
                return try TableCleaning(table, neighbours: neighbours, nowMs: now + hours * 3_600_000).run(mode)
            }
            _ = try run(hours: 1, .init(quarantines: Self.all))
            let metadata = LocalObjectStorage.localPath(table.base.metadataFolder)
            for path in [folder, folder + "/catalog.db", metadata] { chmod(path, 0o777) }
            chmod(local, 0o555)
            let outcome = try withoutRootRights { try run(hours: 3, .init(deletes: Self.all)) }
            chmod(local, 0o755)
            guard case .failed(let error)? = outcome.items.first?.fate else {
                throw WeirError(.invalid, "\(outcome)")
            }
            #expect(error.code == .storage && error.location?.contains("stray") == true, "\(error)")
            #expect(try run(hours: 3, .init(deletes: Self.all)).items.map(\.fate) == [.deleted])
        }
    }

    @Test func `what an unkeyed table's readers of changes need stays as long as they are told of it`() throws {
        var world = try World(key: [], properties: ["snapshot.keep.max-count": "3"])
        for id in 1...8 { try world.write([Int64(id)]) }
        world.table = try FullOptimize(world.table, nowMilliseconds: world.time.now).run().table
        func cleanAll() throws {
            for _ in 0..<2 {
                world.time.advance(minutes: 3 * Self.day)
                _ = try cleaning(world).run(.init(quarantines: Self.all, deletes: Self.all))
            }
        }
        try cleanAll()
        #expect(try world.inserts(after: 0) == Array(1...8))
        for id in 9...13 { try world.write([Int64(id)]) }
        try cleanAll()
        let error = #expect(throws: WeirError.self) { try world.inserts(after: 0) }
        #expect(error?.message.contains("expired") == true, "\(error as Any)")
        #expect(world.storage.objects.paths.filter { $0.hasSuffix(".parquet") }.count == 6)
        try world.check()
    }

    @Test func `a clock that was ahead holds nothing for long, and one that was set back deletes nothing`() throws {
        var quarantine = Quarantine()
        let file = FoundFile(path: "/t/data/a", size: 1, modifiedMs: 0, fileClass: .expired)
        quarantine.add(file, nowMs: 1_000_000)
        func state(_ nowMs: Int64) -> CleaningPlan.State? {
            CleaningPlan(
                [file],
                quarantine,
                isReached: { _ in false },
                orphanAgeMs: 1,
                quarantineMs: 1000,
                nowMs: nowMs
            ).items.first?.state
        }
        #expect(state(1_001_000) == .held(untilMs: 1_001_000) && state(1_001_001) == .due && state(5000) == .found)
    }

    @Test func `a table that is dropped takes its list with it`() throws {
        let world = try worldWithExpired()
        _ = try quarantine(world)
        let lists = world.storage.objects.paths.filter { Table.quarantineNumber(of: $0) != nil }
        #expect(lists.count == 2)
        let outcome = try world.catalog.purging([world.table.base.identifier]) { (_) throws(WeirError) in }
        #expect(world.storage.objects.paths.filter { Table.quarantineNumber(of: $0) != nil }.count == 1)
        #expect(!outcome.unreached.isEmpty && !outcome.unreached.contains { $0.contains("quarantine") })
    }
}
