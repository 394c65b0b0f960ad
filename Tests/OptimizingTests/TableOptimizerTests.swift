import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import Optimizing

/// Tables that are optimized while others write them.
@Suite(.hangGuard) struct TableOptimizerTests {
    static let schema = Schema([
        Field(id: 1, name: "id", type: .long), Field(id: 2, name: "name", type: .string),
    ])

    static func create(_ folder: String, key: [String], _ properties: [String: String]) throws -> MixedTable {
        let catalog = try SQLiteCatalog(
            path: folder + "/catalog.db",
            warehouse: "file://" + folder,
            storage: LocalObjectStorage()
        )
        try catalog.createNamespace(["db"], ifNotExists: true)
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["db"], name: "t"),
            schema: schema,
            primaryKey: key,
            properties: properties
        )
        return try MixedTable.create(definition, in: catalog, nowMilliseconds: 1_700_000_000_000)
    }

    static func batch(_ ids: [Int64], _ name: String, _ schema: Schema) -> ColumnBatch {
        var numbers = ColumnBuilder(.long, capacity: ids.count)
        var names = ColumnBuilder(.string, capacity: ids.count)
        for id in ids {
            numbers.append(.long(id))
            names.append(.string(name))
        }
        return ColumnBatch(schema: schema, columns: [numbers.finish(), names.finish()], count: ids.count)
    }

    /// A data file with some rows, which are its ids with a name, added to base.
    static func append(_ ids: Range<Int>, to table: MixedTable, name: String = "a") throws -> DataFile {
        let base = try table.refreshed().base
        let batch = Self.batch(ids.map { Int64($0) }, name, base.schema)
        let path = "\(base.dataLocation)/\(UUID().uuidString).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        try writer.write(batch)
        let file = DataFile(parquet: path, try writer.finish())
        var transaction = Transaction(base)
        transaction.append([file])
        _ = try transaction.commit()
        return file
    }

    /// An equality delete of ids, as other engines write them.
    static func deleteByEquality(_ ids: [Int], in table: MixedTable) throws {
        let base = try table.refreshed().base
        var column = ColumnBuilder(.long)
        for id in ids { column.append(.long(Int64(id))) }
        let schema = Schema([Self.schema.fields[0]])
        let path = "\(base.dataLocation)/\(UUID().uuidString)-deletes.parquet"
        let writer = try ParquetFileWriter(schema: schema, to: base.storage.create(path))
        try writer.write(ColumnBatch(schema: schema, columns: [column.finish()], count: ids.count))
        var file = DataFile(parquet: path, try writer.finish(), content: .equalityDeletes)
        file.equalityIds = [1]
        var transaction = Transaction(base)
        transaction.overwrite(adding: [], addingDeletes: [file], removing: [])
        _ = try transaction.commit()
    }

    /// The folder of base's data files.
    static func path(_ table: MixedTable) -> String { String(table.base.dataLocation.dropFirst("file://".count)) }

    static func ids(_ table: MixedTable) throws -> [Int64] {
        var ids: [Int64] = []
        try MergeOnReadScan(table.refreshed()).forEachInOrder { (batch) throws(WeirError) in
            let column = batch.columns[0].pointer(as: Int64.self)
            for row in 0..<batch.count { ids.append(column[row]) }
            return true
        }
        return ids.sorted()
    }

    static let optimizer = TableOptimizer(OptimizingSettings(), threads: 2, nowMilliseconds: { 1_700_000_100_000 })

    @Test(arguments: [OptimizingKind.minor, .major, .full])
    func `equality deletes of other engines become position deletes or go with their rows`(kind: OptimizingKind) throws
    {
        try withTemporaryFolder { folder in
            var table = try Self.create(folder, key: [], ["format-version": "2"])
            for part in 0..<3 { _ = try Self.append(part * 100..<part * 100 + 100, to: table) }
            try Self.deleteByEquality([5, 150, 250], in: table)
            // The same id again is newer than the delete.
            _ = try Self.append(5..<6, to: table)
            try Self.deleteByEquality([7, 99], in: table)
            let expected = try Self.ids(table)
            #expect(expected.count == 296)
            table = try table.refreshed()
            let (after, report) = try Self.optimizer.run(table, .kind(kind))
            #expect(!report.isNothing && report.rewrite.refused.isEmpty)
            #expect(try Self.ids(after) == expected)
            let tasks = try after.base.plan()
            #expect(tasks.allSatisfy { $0.deletes.allSatisfy { $0.content == .positionDeletes } }, "\(kind)")
            let again = try Self.optimizer.run(after, .kind(kind))
            #expect(again.report.isNothing, "\(again.report)")
        }
    }

    @Test(arguments: [2, 3])
    func `what others add and delete while files are written anew is there afterwards`(formatVersion: Int) throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: [], ["format-version": String(formatVersion)])
            var files: [DataFile] = []
            for part in 0..<4 { files.append(try Self.append(part * 50..<part * 50 + 50, to: table)) }
            let state = try table.refreshed()
            let evaluation = try Self.optimizer.evaluate(state, .kind(.full))
            #expect(evaluation.plan.steps.map(\.files.count) == [4])
            let rewrite = try BaseRewrite.run(evaluation.work, of: state)
            // Meanwhile: new rows, an equality delete of old and new ones, and a removed file of another rewrite.
            _ = try Self.append(1000..<1010, to: table, name: "b")
            try Self.deleteByEquality([10, 60, 1005], in: table)
            let expected = try Self.ids(table)
            let (after, outcome) = try rewrite.commit(to: state, nowMilliseconds: 1_700_000_100_000)
            #expect(outcome.removedFiles == 4 && outcome.addedFiles == 1 && outcome.refused.isEmpty)
            #expect(try Self.ids(after) == expected)
            // An equality delete that comes later concerns the new file as well.
            try Self.deleteByEquality([11], in: table)
            #expect(try Self.ids(table) == expected.filter { $0 != 11 })
            _ = try Self.optimizer.run(table.refreshed(), .kind(.full))
            #expect(try Self.ids(table) == expected.filter { $0 != 11 })
        }
    }

    @Test func `a group whose file another engine has removed is left out, and others are committed`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: [], ["format-version": "2"])
            var files: [DataFile] = []
            for part in 0..<4 { files.append(try Self.append(part * 50..<part * 50 + 50, to: table)) }
            let state = try table.refreshed()
            let tasks = try state.base.plan().sorted { $0.dataSequenceNumber < $1.dataSequenceNumber }
            let work = [
                BaseRewrite.Task(.rows, Array(tasks[0..<2])), BaseRewrite.Task(.rows, Array(tasks[2..<4])),
            ]
            let rewrite = try BaseRewrite.run(work, of: state)
            var transaction = Transaction(state.base)
            transaction.overwrite(adding: [], removing: [files[0]])
            _ = try transaction.commit()
            let (after, outcome) = try rewrite.commit(to: state, nowMilliseconds: 1)
            #expect(outcome.refused.count == 1 && outcome.removedFiles == 2 && outcome.addedFiles == 1)
            #expect(try Self.ids(after) == (50..<200).map { Int64($0) })
            // Nothing of the refused group is left behind.
            let live = Set(try after.base.plan().map { $0.file.path.lastPathComponent })
            let names = try FileManager.default.contentsOfDirectory(atPath: Self.path(after))
            let written = names.filter { $0.hasPrefix("1-B-") && $0.hasSuffix(".parquet") }
            #expect(Set(written).isSubset(of: live), "\(written) \(live)")
        }
    }

    @Test func `two optimizers do not do the same work, and a claim ends by itself`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: ["id"], ["format-version": "2"])
            for part in 0..<3 { _ = try Self.append(part * 50..<part * 50 + 50, to: table) }
            #expect(try OptimizingLease.take(on: table, as: "other", nowMilliseconds: 1_700_000_099_000) != nil)
            let error = #expect(throws: WeirError.self) { try Self.optimizer.run(table, .kind(.full)) }
            #expect(error?.code == .conflict && error?.advice?.contains("59 seconds") == true, "\(error as Any)")
            let later = TableOptimizer(OptimizingSettings(), threads: 1, nowMilliseconds: { 1_700_000_200_000 })
            let (after, report) = try later.run(table, .kind(.full))
            #expect(report.rewrite.removedFiles == 3 && after.properties[OptimizingLease.property] == nil)
            #expect(try Self.ids(after).count == 150)
        }
    }

    @Test func `work that is stopped leaves nothing behind`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: ["id"], ["format-version": "2"])
            for part in 0..<3 { _ = try Self.append(part * 50..<part * 50 + 50, to: table) }
            let before = try FileManager.default.subpathsOfDirectory(atPath: Self.path(table)).sorted()
            for limit in 0..<6 {
                var calls = 0
                _ = try? Self.optimizer.run(
                    table,
                    .kind(.full),
                    check: { () throws(WeirError) in
                        calls += 1
                        if calls > limit { throw WeirError(.cancelled, "stop") }
                    }
                )
                let state = try table.refreshed()
                guard try state.base.plan().count == 3 else { break }
                let now = try FileManager.default.subpathsOfDirectory(atPath: Self.path(table)).sorted()
                #expect(now == before && state.properties[OptimizingLease.property] == nil, "after \(limit) checks")
            }
            #expect(try Self.ids(table).count == 150)
        }
    }

    @Test func `a keyed table's changes are moved first, and rows get to their nodes`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: ["id"], ["base.file-index.hash-bucket": "4"])
            let writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            var state = table
            for round in 0..<5 {
                let rows = Self.batch((0..<40).map { Int64($0 * (round + 1)) }, "round \(round)", state.schema)
                let kinds = Buffer.filled(count: 40) { target in
                    for row in 0..<40 { target[row] = ChangeKind.insert.rawValue }
                }
                let offsets = Buffer.filled(count: 40 * 8) { target in
                    for row in 0..<40 {
                        target.storeBytes(of: Int64(round * 40 + row), toByteOffset: row * 8, as: Int64.self)
                    }
                }
                #expect(try writer.write(ChangeBatch(rows: rows, kinds: kinds, offsets: offsets)).isEmpty)
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(round + 1))
                state = try state.commit(try writer.cut(), topology: "x", from: ledger, to: next)
                ledger = next
            }
            _ = try Self.append(100_000..<100_050, to: state)
            let expected = try Self.ids(state)
            let (after, report) = try Self.optimizer.run(state.refreshed(), .kind(.full))
            #expect(report.inserted > 0)
            #expect(try Self.ids(after) == expected)
            let nodes = try after.base.plan().map { FileRole.base(path: $0.file.path).node.id }.sorted()
            #expect(nodes == [4, 5, 6, 7] && after.base.metadata.currentSnapshot?.operation == "replace")
            #expect(try Self.ids(MixedTable(base: after.base, change: nil, primaryKey: [])) == expected)
        }
    }

    @Test func `a file with keys of more nodes than files may be open is spread over all of them`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: ["id"], ["base.file-index.hash-bucket": "128"])
            for part in 0..<3 { _ = try Self.append(part * 2000..<part * 2000 + 2000, to: table) }
            let (after, _) = try Self.optimizer.run(table, .kind(.full))
            #expect(try Self.ids(after) == (0..<6000).map { Int64($0) })
            let nodes = try after.base.plan().map { FileRole.base(path: $0.file.path).node.id }.sorted()
            #expect(nodes == Array(128..<256))
        }
    }

    @Test func `a damaged file is left as it is, said, and the others are optimized`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(
                folder,
                key: [],
                ["format-version": "2", "write.target-file-size-bytes": "1000"]
            )
            var files: [DataFile] = []
            for part in 0..<6 { files.append(try Self.append(part * 50..<part * 50 + 50, to: table)) }
            try FileManager.default.removeItem(atPath: String(files[2].path.dropFirst("file://".count)))
            let (after, report) = try Self.optimizer.run(table, .kind(.full))
            #expect(Set(report.unusable.keys) == [files[2].path], "\(report.unusable)")
            let left = try after.base.plan().map(\.file.path)
            #expect(left.count == 2 && left.contains(files[2].path), "\(left)")
            var schedule = OptimizingSchedule()
            #expect(schedule.leaveOut(["a", "b"], of: "t", atMilliseconds: 0) == ["a", "b"])
            #expect(schedule.leaveOut(["a"], of: "t", atMilliseconds: 1).isEmpty)
            #expect(schedule.leftOut(of: "t", atMilliseconds: 1) == ["a", "b"])
            #expect(schedule.leftOut(of: "t", atMilliseconds: 6 * 3_600_000) == ["a"])
        }
    }

    @Test func `an equality delete that comes to a keyed base meanwhile is not undone`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(folder, key: ["id"], ["format-version": "2"])
            for part in 0..<3 { _ = try Self.append(part * 50..<part * 50 + 50, to: table) }
            let state = try table.refreshed()
            let work = [BaseRewrite.Task(.rows, try state.base.plan())]
            let rewrite = try BaseRewrite.run(work, of: state)
            try Self.deleteByEquality([10], in: table)
            let (after, outcome) = try rewrite.commit(to: state, nowMilliseconds: 1)
            #expect(outcome.isNothing && outcome.refused.count == 1)
            #expect(try after.base.plan().count == 3)
        }
    }

    @Test func `a full rewrite by interval is over once it was done`() throws {
        try withTemporaryFolder { folder in
            let properties = ["format-version": "2", "self-optimizing.full.trigger.interval": "1000"]
            let table = try Self.create(folder, key: [], properties)
            for part in 0..<4 { _ = try Self.append(part * 50..<part * 50 + 50, to: table) }
            let optimizer = TableOptimizer(
                OptimizingSettings(properties),
                threads: 1,
                nowMilliseconds: { 1_700_000_100_000 }
            )
            let (after, report) = try optimizer.run(table, .due(sinceMinor: 0, sinceFull: 2000))
            #expect(report.rounds == 1 && report.rewrite.removedFiles == 4)
            #expect(try optimizer.run(after, .due(sinceMinor: 0, sinceFull: 0)).report.isNothing)
        }
    }
}
