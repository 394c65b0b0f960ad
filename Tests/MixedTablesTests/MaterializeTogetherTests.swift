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

/// Base stores of several tables that are moved on in one commit.
@Suite struct MaterializeTogetherTests {
    private typealias World = TableEpochTests.World

    /// The keyed tables of a world, with one epoch in base and the keys of base in memory.
    private static func withMembers(_ body: (inout World, [Materializer]) throws -> Void) throws {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            try world.commit()
            let members = world.tables.filter(\.isKeyed).map { Materializer($0) }
            for member in members { _ = try member.step(nowMilliseconds: 1) }
            try body(&world, members)
        }
    }

    /// The rounds that base alone shows of keys 0 to 4, and the number of other rows, by table.
    private static func base(_ world: World) throws -> [[Int64]] {
        let catalog = try World.catalog(world.folder)
        return try world.tables.filter(\.isKeyed).map { table in
            let base = try catalog.load(table.base.identifier)
            var rounds: Set<Int64> = []
            var (own, others): (Int, Int64) = (0, 0)
            try MergeOnReadScan(MixedTable(base: base, change: nil, primaryKey: [])).forEachInOrder {
                (batch) throws(WeirError) in
                for row in 0..<batch.count {
                    guard batch.columns[0].pointer(as: Int64.self)[row] < 5 else {
                        others += 1
                        continue
                    }
                    own += 1
                    rounds.insert(batch.columns[1].pointer(as: Int64.self)[row])
                }
                return true
            }
            #expect(own == 5 && rounds.count == 1)
            return [rounds.first ?? 0, others]
        }
    }

    /// Another engine adds a row to base.
    private static func append(_ key: Int64, to table: MixedTable) throws {
        let base = try table.refreshed().base
        let path = "\(base.dataLocation)/\(UUID().uuidString).parquet"
        let file = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        try file.write(.rows([[Scalar.long(key), .long(99)]], base.schema))
        var foreign = Transaction(base)
        foreign.append([DataFile(parquet: path, try file.finish(), partition: [], specId: base.spec.id)])
        _ = try foreign.commit()
    }

    private static func names(_ results: [Materializer.CommonStep]) -> [String] {
        results.map { result in
            switch result {
            case .done(.merged(let merge)): merge.isLast ? "merged" : "a part"
            case .done(let step): "\(step)"
            case .lags: "lags"
            case .failed(let error): "\(error)"
            }
        }
    }

    /// No data or delete file is left that no snapshot refers to.
    private static func expectNothingLeft(_ world: World) throws {
        for table in try world.tables.filter(\.isKeyed).map({ try $0.refreshed() }) {
            let base = table.base
            let known = try base.metadata.snapshots.flatMap { snapshot in
                try base.plan(snapshotId: snapshot.id).flatMap { [$0.file.path] + $0.deletes.map(\.file.path) }
            }
            let there = try base.storage.list(base.dataLocation).map(\.path).filter { $0.hasSuffix(".parquet") }
            #expect(Set(there).isSubset(of: known))
        }
    }

    @Test func `what several tables lack comes to their base stores in one commit`() throws {
        try Self.withMembers { world, members in
            for round in 2...4 {
                try world.commit()
                #expect(Self.names(try Materializer.stepTogether(members, nowMilliseconds: 1)) == ["merged", "merged"])
                #expect(try Self.base(world) == [[Int64(round), 0], [Int64(round), 0]])
            }
            #expect(Self.names(try Materializer.stepTogether(members, nowMilliseconds: 1)) == ["caughtUp", "caughtUp"])
            try Self.expectNothingLeft(world)
        }
    }

    @Test func `a commit that fails moves no table, and the next one moves all`() throws {
        try Self.withMembers { world, members in
            try world.commit()
            var failures = 0
            while true {
                var calls = 0
                do {
                    _ = try Materializer.stepTogether(members, nowMilliseconds: 1) { () throws(WeirError) in
                        calls += 1
                        if calls == failures + 1 { throw WeirError(.cancelled, "the run ends") }
                    }
                    break
                } catch {
                    #expect(try Self.base(world) == [[1, 0], [1, 0]])
                    try Self.expectNothingLeft(world)
                    failures += 1
                }
            }
            // The last check comes right before the commit.
            #expect(failures > 2)
            #expect(try Self.base(world) == [[2, 0], [2, 0]])
            try Self.expectNothingLeft(world)
        }
    }

    @Test func `a crash at any step leaves the base stores of all tables old or all new`() throws {
        let (first, last) = try Self.crash(at: nil).steps
        var outcomes: Set<Int64> = []
        for step in first...last { outcomes.formUnion(try Self.crash(at: step).rounds) }
        #expect(last - first > 10 && outcomes == [2, 3])
        print("crash sweep of a common step: \(last - first) steps")
    }

    /// Crashes in or after the common step; returns the steps of storage before and after it, and what base shows.
    private static func crash(at step: Int?) throws -> (steps: (Int, Int), rounds: Set<Int64>) {
        try withTemporaryFolder { folder in
            var world = try World(folder)
            try world.commit()
            for table in world.tables.filter(\.isKeyed) { _ = try Materializer(table).step(nowMilliseconds: 1) }
            // They load their keys with an epoch of their own.
            let files = FaultyFileSystem(failAt: step)
            let catalog = try SQLiteCatalog(
                path: folder + "/catalog.db",
                warehouse: "file://" + folder,
                storage: LocalObjectStorage(files: files)
            )
            try world.commit()
            let members = try world.tables.filter(\.isKeyed).map { table in
                Materializer(try MixedTable.load(table.identifier, from: catalog))
            }
            for member in members { _ = try member.step(nowMilliseconds: 1) }
            try world.commit()
            let first = files.steps
            let results = try? Materializer.stepTogether(members, nowMilliseconds: 1)
            let last = files.steps
            files.loseUnsynced()
            let rounds = try Set(Self.base(world).map { $0[0] })
            #expect(rounds.count == 1, "the tables differ after step \(step ?? 0)")
            if let results, Self.names(results) == ["merged", "merged"] { #expect(rounds == [3]) }
            // A new process goes on.
            for table in world.tables.filter(\.isKeyed) { _ = try Materializer(table).step(nowMilliseconds: 1) }
            #expect(try Self.base(world) == [[3, 0], [3, 0]])
            return ((first, last), rounds)
        }
    }

    @Test(arguments: [(1, ["merged", "merged"]), (100, ["outrun", "merged"])])
    func `a table whose base others change is merged again, some times`(times: Int, expected: [String]) throws {
        try Self.withMembers { world, members in
            try world.commit()
            let first = world.tables[0]
            var appends: Int64 = 0
            var failure: (any Error)?
            let results = try Materializer.stepTogether(members, nowMilliseconds: 1) { () throws(WeirError) in
                guard appends < times else { return }
                do {
                    try Self.append(100 + appends, to: first)
                } catch {
                    failure = error
                }
                appends += 1
            }
            #expect(failure == nil && Self.names(results) == expected)
            #expect(try Self.base(world) == [[times == 1 ? 2 : 1, appends], [2, 0]])
            try Self.expectNothingLeft(world)
            // The one that was left out catches up by itself, and keeps up again.
            _ = try members[0].step(nowMilliseconds: 1)
            try world.commit()
            #expect(Self.names(try Materializer.stepTogether(members, nowMilliseconds: 1)) == ["merged", "merged"])
            #expect(try Self.base(world) == [[3, appends], [3, 0]])
        }
    }

    @Test func `a table that lags behind is left out`() throws {
        try Self.withMembers { world, members in
            try world.commit()
            #expect(
                Self.names(try Materializer.stepTogether(members, bytesMax: 1, nowMilliseconds: 1)) == ["lags", "lags"]
            )
            // Its keys are not in memory.
            let fresh = [Materializer(world.tables[0]), members[1]]
            #expect(Self.names(try Materializer.stepTogether(fresh, nowMilliseconds: 1)) == ["lags", "merged"])
            #expect(try Self.base(world) == [[1, 0], [2, 0]])
        }
    }
}
