import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import ObjectStorage
import Testing
import WeirTesting

@testable import IcebergTables
@testable import MixedTables

/// What materializing commits consist of.
@Suite struct MaterializeTests {
    /// A table of (name, day, value) that is keyed by name and day, and its writer.
    struct Stream {
        var table: MixedTable
        var writer: KeyedTableWriter
        let materializer: Materializer
        var count: Int64 = 0

        init(
            in folder: String,
            _ shape: TableShape = .wideKey,
            storage: any ObjectStorage = LocalObjectStorage()
        ) throws {
            try self.init(MixedTableModelTests.create(shape, in: folder, storage: storage))
        }

        init(_ table: MixedTable) throws {
            self.table = table
            writer = try KeyedTableWriter(table)
            materializer = Materializer(table)
        }

        mutating func commit(_ changes: [(ChangeKind, ModelRow)]) throws {
            _ = try writer.write(.changes(changes, table.schema))
            let from = PositionLedger(count == 0 ? [:] : ["t": [0: count]])
            count += 1
            table = try table.commit(try writer.cut(), topology: "t", from: from, to: .init(["t": [0: count]]))
        }

        mutating func merge(rewriteBytes: Int64 = 0) throws -> Materializer.Step {
            let step = try materializer.step(rewriteBytes: rewriteBytes, nowMilliseconds: 1)
            table = materializer.table
            return step
        }
    }

    static func merge(of step: Materializer.Step) throws -> Materializer.Merge {
        guard case .merged(let merge) = step else { throw WeirError(.invalid, "nothing was moved: \(step)") }
        return merge
    }

    static func row(_ name: Int, _ value: Int) -> ModelRow {
        [.string("k\(name)"), .date(1), .long(Int64(value))]
    }

    static func values(_ table: MixedTable) throws -> [Int64] {
        try MergeOnReadScan(MixedTable(base: table.base, change: nil, primaryKey: [])).values()
    }

    @Test func `an update is one row more and one position delete`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit((0..<100).map { (.insert, Self.row($0, $0)) })
            let first = try Self.merge(of: stream.merge())
            #expect((first.inserted, first.deleted, first.isLast) == (100, 0, true))
            try stream.commit([(.updateAfter, Self.row(7, 700)), (.delete, Self.row(8, 8))])
            let second = try Self.merge(of: stream.merge())
            #expect((second.inserted, second.deleted, second.rewritten) == (1, 2, 0))
            #expect(try Self.values(stream.table) == (0..<100).filter { $0 != 7 && $0 != 8 }.map { Int64($0) } + [700])
            #expect(stream.materializer.keyCount == 99)
            #expect(try stream.merge() == .caughtUp)

            let snapshot = try #require(stream.table.base.currentSnapshot)
            #expect(snapshot.summary["snapshot.producer"] == "OPTIMIZE")
            for task in try stream.table.base.plan() {
                let name = try #require(DataFileName(path: task.file.path))
                #expect(name.type == .base && name.transactionId > 0)
                for delete in task.deletes {
                    let deleteName = try #require(DataFileName(path: delete.file.path))
                    #expect(deleteName.type == .positionDelete && deleteName.node == name.node)
                    #expect(delete.file.content == .positionDeletes)
                    #expect(delete.file.referencedDataFile == task.file.path)
                    #expect(delete.file.lowerBounds[DataFile.deletePathFieldId] == Array(task.file.path.utf8))
                    #expect(delete.file.upperBounds[DataFile.deletePathFieldId] == Array(task.file.path.utf8))
                }
            }
        }
    }

    @Test func `a data file has one delete file after many rounds, and none once it has no row`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit((0..<60).map { (.insert, Self.row($0, 0)) })
            _ = try stream.merge()
            let first = Set(try stream.table.base.plan().map(\.file.path))
            for round in 0..<60 {
                try stream.commit([(.updateAfter, Self.row(round, 1))])
                _ = try stream.merge()
                #expect(try stream.table.base.plan().allSatisfy { $0.deletes.count <= 1 }, "round \(round)")
            }
            let left = try stream.table.base.plan()
            #expect(first.isDisjoint(with: left.map(\.file.path)))
            #expect(left.allSatisfy { $0.deletes.isEmpty })
            #expect(try Self.values(stream.table) == [Int64](repeating: 1, count: 60))
        }
    }

    @Test func `small files and files with many deletes are rewritten on the way`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            var expected: [Int: Int64] = [:]
            for round in 0..<120 {
                let rows = (0..<6).map { (round * 5 + $0 * 3) % 200 }
                try stream.commit(rows.map { (.updateAfter, Self.row($0, round)) })
                for row in rows { expected[row] = Int64(round) }
                _ = try stream.merge(rewriteBytes: .max)
                #expect(try Self.values(stream.table) == expected.values.sorted(), "round \(round)")
                let tasks = try stream.table.base.plan()
                // Four nodes, and fewer than eight files of one size in each.
                #expect(tasks.count <= 4 * 16, "round \(round)")
            }
            #expect(stream.materializer.keyCount == expected.count)
        }
    }

    @Test func `changes that cancel each other out move the sequence`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit([(.insert, Self.row(1, 1)), (.delete, Self.row(1, 1))])
            let merge = try Self.merge(of: stream.merge())
            #expect((merge.inserted, merge.deleted) == (0, 0))
            #expect(try stream.merge() == .caughtUp)
            #expect(try Materializer(stream.table).step(nowMilliseconds: 1) == .caughtUp)
        }
    }

    @Test func `all copies go when a key changes that another engine has written twice`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit([(.insert, Self.row(1, 1)), (.insert, Self.row(2, 2))])
            _ = try stream.merge()
            let base = stream.table.base
            let path = "\(base.dataLocation)/other.parquet"
            let file = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
            try file.write(.rows([Self.row(1, 10), Self.row(1, 11), Self.row(3, 3)], base.schema))
            var other = Transaction(base)
            other.append([DataFile(parquet: path, try file.finish())])
            _ = try other.commit()
            _ = try stream.writer.follow(stream.table.refreshed())
            stream.table = try stream.table.refreshed()
            try stream.commit([(.updateAfter, Self.row(1, 100))])
            let merge = try Self.merge(of: stream.merge())
            #expect((merge.inserted, merge.deleted) == (1, 3))
            #expect(try Self.values(stream.table) == [2, 3, 100])
            // The same for a process that starts now.
            try stream.commit([(.delete, Self.row(1, 100))])
            let last = try Self.merge(of: Materializer(stream.table).step(nowMilliseconds: 1))
            #expect((last.inserted, last.deleted) == (0, 1))
        }
    }

    @Test func `a row that moves to another partition leaves the old one`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder, .partitionedByValue)
            try stream.commit([(.insert, [.int(1), .string("de"), .long(1)])])
            _ = try stream.merge()
            try stream.commit([(.updateAfter, [.int(1), .string("fr"), .long(2)])])
            try stream.commit([(.updateAfter, [.int(1), .string("at"), .long(3)])])
            let merge = try Self.merge(of: stream.merge())
            #expect((merge.inserted, merge.deleted) == (1, 1))
            #expect(try Self.values(stream.table) == [3])
        }
    }

    @Test func `two processes that materialize one table lose and repeat nothing`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            let second = Materializer(stream.table)
            var (outrun, merges) = (0, 0)
            for round in 0..<20 {
                try stream.commit((0..<10).map { (.updateAfter, Self.row((round * 3 + $0) % 40, round)) })
                // The second one commits while the first is at work.
                var isFirst = true
                let step = try stream.materializer.step(nowMilliseconds: 1) { () throws(WeirError) in
                    guard isFirst, round % 2 == 0 else { return }
                    isFirst = false
                    if case .merged = try second.step(nowMilliseconds: 1) { merges += 1 }
                }
                if step == .outrun { outrun += 1 }
                while try stream.materializer.step(nowMilliseconds: 1) != .caughtUp {}
            }
            #expect(outrun == 10 && merges == 10)
            let rows = try stream.table.refreshed()
            #expect(try Self.values(rows).count == 40)
            #expect(try Self.values(rows) == MergeOnReadScan(rows).values())
        }
    }

    @Test func `base is left alone while a process rewrites it, and not longer`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit([(.insert, Self.row(1, 1))])
            let now: Int64 = 1_700_000_000_000
            _ = try BaseHold.take(on: stream.table, nowMilliseconds: now)
            #expect(try stream.materializer.step(nowMilliseconds: now + 59_000) == .held)
            #expect(stream.materializer.backlog.commitCount == 1)
            // The holder has died.
            _ = try Self.merge(of: stream.materializer.step(nowMilliseconds: now + 61_000))
            try stream.commit([(.updateAfter, Self.row(1, 2))])
            // A clock that is far ahead holds nothing.
            _ = try BaseHold.take(on: stream.table, nowMilliseconds: now + 3_600_000)
            _ = try Self.merge(of: stream.materializer.step(nowMilliseconds: now))
            try stream.commit([(.updateAfter, Self.row(1, 3))])
            let held = try BaseHold.take(on: stream.table, nowMilliseconds: now)
            var batches = 0
            let optimized = try FullOptimize(held.refreshed(), nowMilliseconds: now).run { batches += 1 }
            #expect(batches > 0 && optimized.table.properties["weir.base-held-until"] == nil)
            #expect(try stream.materializer.step(nowMilliseconds: now) == .caughtUp)
            #expect(try Self.values(stream.table.refreshed()) == [3])
        }
    }

    @Test func `a hold that comes while a step is at work is respected by its commit`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit([(.insert, Self.row(1, 1))])
            let now: Int64 = 1_700_000_000_000
            let table = stream.table
            var isFirst = true
            let step = try stream.materializer.step(nowMilliseconds: now) { () throws(WeirError) in
                guard isFirst else { return }
                isFirst = false
                _ = try BaseHold.take(on: table, nowMilliseconds: now + 10)
            }
            #expect(step == .held && !isFirst)
            #expect(try stream.table.refreshed().base.metadata.snapshots.isEmpty)
            #expect(try stream.materializer.step(nowMilliseconds: now + 20) == .held)
        }
    }

    /// Once a commit was in vain, runs are asked to wait, until the last attempt is over.
    @Test func `an optimize that is tried again holds base all the time`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit((0..<20).map { (.insert, Self.row($0, $0)) })
            let table = stream.table
            let isHeld = { try table.refreshed().properties["weir.base-held-until"] != nil }
            func run(inVain: Int, of attempts: Int) throws -> (held: [Bool], failed: Bool) {
                var (conflicts, committed, held) = (0, -1, [Bool]())
                let optimize = RepeatedOptimize(attemptsMax: attempts) { 1_700_000_000_000 }
                do throws(WeirError) {
                    let result = try optimize.run(table.refreshed()) { attempt, _ in
                        conflicts = attempt
                        held.append((try? isHeld()) ?? false)
                    } onBatch: { () throws(WeirError) in
                        guard conflicts < inVain, committed < conflicts else { return }
                        committed = conflicts
                        var other = Transaction(try table.base.refreshed())
                        other.append([])
                        _ = try other.commit()
                    }
                    #expect(result.outcome.rows == 20)
                    return (held, false)
                } catch {
                    #expect(error.code == .conflict)
                    return (held, true)
                }
            }
            #expect(try run(inVain: 2, of: 2) == ([false], true))
            #expect(try !isHeld())
            #expect(try run(inVain: 3, of: 5) == ([false, true, true], false))
            #expect(try !isHeld())
            #expect(try Self.values(table.refreshed()) == (0..<20).map { Int64($0) })
        }
    }

    @Test func `changes that base has are not planned again by readers of a table without partitions`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            for round in 0..<3 { try stream.commit((0..<5).map { (.updateAfter, Self.row($0, round)) }) }
            _ = try stream.merge()
            let change = try #require(stream.table.change)
            let store = ManifestStore(storage: change.storage)
            // From now on whoever reads these manifests fails.
            for manifest in try store.manifests(of: #require(change.currentSnapshot)) {
                var entries = try store.entries(of: manifest, change.metadata)
                for index in entries.indices { entries[index].dataSequenceNumber = 0 }
                ManifestCache.shared.store(entries, manifest)
            }
            #expect(try change.plan().allSatisfy { $0.dataSequenceNumber == 0 })
            #expect(try MergeOnReadScan(stream.table).values() == [2, 2, 2, 2, 2])
        }
    }

    /// Runs on the table's storage; what a failed step has written is removed.
    @Test func `a step that is cancelled leaves no file`() throws {
        try withTemporaryFolder { folder in
            var stream = try Stream(in: folder)
            try stream.commit((0..<50).map { (.insert, Self.row($0, $0)) })
            _ = try stream.merge()
            try stream.commit((0..<20).map { (.updateAfter, Self.row($0, 1)) })
            let storage = stream.table.base.storage
            let files = { try storage.list(folder).map(\.path).filter { $0.hasSuffix(".parquet") }.sorted() }
            let before = try files()
            for stopAfter in 0..<12 {
                var calls = 0
                let step = try? stream.materializer.step(nowMilliseconds: 1) { () throws(WeirError) in
                    calls += 1
                    if calls > stopAfter { throw WeirError(.cancelled, "stopped") }
                }
                if step != nil {
                    #expect(stopAfter > 1)
                    return
                }
                #expect(try files() == before, "after \(stopAfter) batches")
            }
        }
    }
}

extension MergeOnReadScan {
    fileprivate func values() throws -> [Int64] {
        var values: [Int64] = []
        try forEachInOrder { batch in
            for row in 0..<batch.count {
                if case .long(let value) = batch.columns[2].scalar(row) { values.append(value) }
            }
            return true
        }
        return values.sorted()
    }
}
