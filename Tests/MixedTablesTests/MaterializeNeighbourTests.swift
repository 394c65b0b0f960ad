import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import KeyedState
import ObjectStorage
import Testing
import WeirTesting

@testable import MixedTables

/// Changes are moved into base beside other engines: wider columns, transactions, optimizers.
@Suite struct MaterializeNeighbourTests {
    private static let hour: Int64 = 3_600_000

    private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    private static func row(_ name: Int, _ value: Int) -> ModelRow { MaterializeTests.row(name, value) }

    /// The rows of a (name, day, value) table as readers of Mixed tables see them, and of base alone.
    private static func values(_ table: MixedTable) throws -> (merged: [Int64], base: [Int64]) {
        var values: [Int64] = []
        try MergeOnReadScan(table).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count {
                if case .long(let value) = batch.columns[2].scalar(row) { values.append(value) }
            }
            return true
        }
        return (values.sorted(), try MaterializeTests.values(table))
    }

    // MARK: Columns

    @Test(arguments: [false, true])
    func `a key column that becomes wider while changes wait doubles no row, and ends the writer`(
        widensChange: Bool
    ) throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let schema = Schema([
                Field(id: 1, name: "tenant", type: .int), Field(id: 2, name: "id", type: .int),
                Field(id: 3, name: "value", type: .long),
            ])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "t"),
                schema: schema,
                primaryKey: ["tenant", "id"]
            )
            var stream = try MaterializeTests.Stream(try .create(definition, in: catalog, nowMilliseconds: 0))
            func narrow(_ id: Int32, _ value: Int64) -> ModelRow { [.int(1), .int(id), .long(value)] }
            try stream.commit((0..<20).map { (.insert, narrow($0, Int64($0))) })
            _ = try stream.merge()
            // One key twice in what waits, and keys that base has.
            try stream.commit([(.insert, narrow(100, 1))])
            try stream.commit([
                (.updateAfter, narrow(100, 100)), (.updateAfter, narrow(3, 300)), (.delete, narrow(4, 4)),
            ])
            try stream.table.base.widen("id")
            if widensChange { try #require(stream.table.change).widen("id") }

            let step = try MaterializeTests.merge(of: stream.merge())
            #expect((step.inserted, step.deleted) == (2, 2))
            let expected = (0..<20).filter { $0 != 3 && $0 != 4 }.map { Int64($0) } + [100, 300]
            #expect(try Self.values(stream.table) == (expected, expected))
            #expect(try stream.merge() == .caughtUp)

            #expect(try stream.writer.baseHasMoved())
            let error = #expect(throws: WeirError.self) { try stream.writer.follow(stream.table.refreshed()) }
            #expect(error?.code == .invalid && error?.message.contains("columns of the key") == true)
            // The next writer knows the same keys in the wider type.
            var keys = stream.writer.keys
            try keys.catchUp(with: stream.table.refreshed(), except: RangeSet())
            stream.table = try stream.table.refreshed()
            stream.writer = try KeyedTableWriter(stream.table, keys: keys)
            #expect(stream.writer.keyCount == expected.count)
            try stream.commit([(.updateAfter, [.int(1), .long(100), .long(101)])])
            _ = try stream.merge()
            let after = expected.filter { $0 != 100 } + [101]
            #expect(try Self.values(stream.table).base == after.sorted())
            #expect(try Self.values(stream.table).merged == after.sorted())
        }
    }

    // MARK: Transactions

    /// An engine begins a transaction in the change store. Its id is that of the commit.
    private static func begin(_ table: MixedTable) throws -> Snapshot {
        var transaction = Transaction(try #require(try table.refreshed().change))
        transaction.append([], summary: ["tx.begin.signature": "spark"])
        return try #require(try transaction.commit().currentSnapshot)
    }

    /// The engine commits the deletes of its transaction.
    private static func commit(_ id: Int64, deleting rows: [ModelRow], of table: MixedTable) throws {
        let change = try #require(try table.refreshed().change)
        let schema = ChangeColumns.fileSchema(table.schema, primaryKey: table.primaryKey)
        let writer = PartitionedFileWriter(change, of: table, schema: schema, nodes: 1)
        let numbered = rows.enumerated().map { $0.element + [Scalar.long(Int64($0.offset + 1))] }
        try writer.write(
            .rows(numbered, schema),
            partitions: [UInt32](repeating: 0, count: rows.count),
            hashes: nil,
            type: .equalityDelete,
            transactionId: id,
            partition: { _ in [] }
        )
        var transaction = Transaction(change)
        transaction.append(try writer.finish())
        _ = try transaction.commit()
    }

    enum Mover: CaseIterable {
        case materializing, optimizing

        /// Moves all changes into base that may be moved now.
        func move(_ stream: inout MaterializeTests.Stream, _ now: Int64) throws {
            switch self {
            case .materializing: while case .merged = try stream.materializer.step(nowMilliseconds: now) {}
            case .optimizing: _ = try FullOptimize(stream.table.refreshed(), nowMilliseconds: now).run()
            }
            stream.table = try stream.table.refreshed()
        }
    }

    @Test(arguments: Mover.allCases)
    func `the deletes of a transaction apply to what was committed before it began`(mover: Mover) throws {
        try withTemporaryFolder { folder in
            var stream = try MaterializeTests.Stream(in: folder)
            try stream.commit((0..<8).map { (.insert, Self.row($0, $0)) })
            try mover.move(&stream, Self.now())
            try stream.commit([(.updateAfter, Self.row(1, 10)), (.insert, Self.row(20, 20))])
            let began = try Self.begin(stream.table)
            try stream.commit([(.insert, Self.row(30, 30)), (.updateAfter, Self.row(2, 12))])
            let now = began.timestampMs + Self.hour - 1
            try mover.move(&stream, now)
            // Base has what came before the beginning, and readers see everything.
            #expect(
                try Self.values(stream.table) == ([0, 3, 4, 5, 6, 7, 10, 12, 20, 30], [0, 2, 3, 4, 5, 6, 7, 10, 20])
            )
            if mover == .materializing {
                let open = OpenTransaction(id: began.sequenceNumber, began: began.timestampMs)
                #expect(try stream.materializer.step(nowMilliseconds: now) == .awaitsTransaction(open))
                #expect(stream.materializer.backlog.commitCount == 1)
                #expect(try Materializer(stream.table).step(nowMilliseconds: now) == .awaitsTransaction(open))
            }
            // A row that was in base, one that was moved meanwhile, and one that is newer than the transaction.
            let rows = [Self.row(0, 0), Self.row(20, 20), Self.row(1, 10), Self.row(2, 12)]
            try Self.commit(began.sequenceNumber, deleting: rows, of: stream.table)
            stream.table = try stream.table.refreshed()
            let expected: [Int64] = [3, 4, 5, 6, 7, 12, 30]
            #expect(try Self.values(stream.table).merged == expected)
            try mover.move(&stream, now)
            #expect(try Self.values(stream.table) == (expected, expected))
        }
    }

    @Test(arguments: Mover.allCases)
    func `a transaction that is committed while a later one is open deletes its rows`(mover: Mover) throws {
        try withTemporaryFolder { folder in
            var stream = try MaterializeTests.Stream(in: folder)
            try stream.commit((0..<8).map { (.insert, Self.row($0, $0)) })
            try mover.move(&stream, Self.now())
            let first = try Self.begin(stream.table)
            // So much of base is replaced that its file is worth writing again.
            try stream.commit((4..<8).map { (.updateAfter, Self.row($0, $0 + 10)) })
            let second = try Self.begin(stream.table)
            try Self.commit(first.sequenceNumber, deleting: [Self.row(0, 0)], of: stream.table)
            try mover.move(&stream, second.timestampMs + 1)
            let expected: [Int64] = [1, 2, 3, 14, 15, 16, 17]
            #expect(try Self.values(stream.table) == (expected, [0, 1, 2, 3, 4, 5, 6, 7]))
            if mover == .materializing {
                let step = try Materializer(stream.table).step(nowMilliseconds: second.timestampMs + 1)
                let open = OpenTransaction(
                    id: second.sequenceNumber,
                    began: second.timestampMs,
                    bound: first.sequenceNumber
                )
                #expect(step == .awaitsTransaction(open))
            }
            try Self.commit(second.sequenceNumber, deleting: [Self.row(1, 1), Self.row(4, 14)], of: stream.table)
            stream.table = try stream.table.refreshed()
            let last: [Int64] = [2, 3, 15, 16, 17]
            #expect(try Self.values(stream.table).merged == last)
            try mover.move(&stream, second.timestampMs + 1)
            #expect(try Self.values(stream.table) == (last, last))
        }
    }

    @Test func `an overwrite of base ends its transaction, and a beginning in the future is none`() throws {
        try withTemporaryFolder { folder in
            var stream = try MaterializeTests.Stream(in: folder)
            let open = try Self.begin(stream.table)
            try stream.commit([(.insert, Self.row(1, 1))])
            guard case .awaitsTransaction = try stream.materializer.step(nowMilliseconds: open.timestampMs) else {
                Issue.record("an open transaction is not waited for")
                return
            }
            var overwrite = Transaction(try stream.table.refreshed().base)
            overwrite.append([], summary: ["txId": "\(open.sequenceNumber)"])
            _ = try overwrite.commit()
            #expect(try MaterializeTests.merge(of: stream.materializer.step(nowMilliseconds: open.timestampMs)).isLast)
            // A clock that was hours ahead when it began.
            let next = try Self.begin(stream.table)
            try stream.commit([(.insert, Self.row(2, 2))])
            let early = try stream.materializer.step(nowMilliseconds: next.timestampMs - 3 * Self.hour)
            #expect(try MaterializeTests.merge(of: early).isLast)
            #expect(try Self.values(stream.table.refreshed()).base == [1, 2])
        }
    }

    @Test func `a transaction that never ends holds changes back for an hour`() throws {
        try withTemporaryFolder { folder in
            var stream = try MaterializeTests.Stream(in: folder)
            let first = try Self.begin(stream.table)
            // Nothing waits for it yet.
            #expect(try stream.materializer.step(nowMilliseconds: first.timestampMs) == .caughtUp)
            try stream.commit([(.insert, Self.row(1, 1))])
            let second = try Self.begin(stream.table)
            try stream.commit([(.insert, Self.row(2, 2))])
            let open = OpenTransaction(id: first.sequenceNumber, began: first.timestampMs)
            let step = try stream.materializer.step(nowMilliseconds: first.timestampMs + Self.hour - 1)
            #expect(step == .awaitsTransaction(open))
            // The first one is given up, the second one is known to have ended by its file.
            try Self.commit(second.sequenceNumber, deleting: [Self.row(1, 1)], of: stream.table)
            #expect(try stream.materializer.step(nowMilliseconds: first.timestampMs + Self.hour - 1) == step)
            let last = try MaterializeTests.merge(
                of: stream.materializer.step(nowMilliseconds: max(first.timestampMs, 0) + Self.hour)
            )
            #expect(last.isLast)
            #expect(try Self.values(stream.table.refreshed()).base == [2])
        }
    }

    // MARK: Optimizers

    /// What another optimizer of Mixed tables does that has read base before: its files come back as they were.
    private static func rewrite(
        _ table: MixedTable,
        _ old: [FileScanTask],
        summary: [String: String] = ["snapshot.producer": "OPTIMIZE"],
        operation: SnapshotOperation? = nil
    ) throws {
        let base = try table.refreshed().base
        let writer = PartitionedFileWriter(base, of: table, schema: table.schema, nodes: 1)
        for task in old {
            let reader = try ParquetFileReader(base.storage.open(task.file.path), schema: table.schema)
            while let (batch, _) = try reader.next() {
                try writer.write(
                    batch,
                    partitions: [UInt32](repeating: 0, count: batch.count),
                    hashes: nil,
                    type: .base,
                    transactionId: DataFileName(path: task.file.path)?.transactionId ?? 0,
                    partition: { _ in [] }
                )
            }
        }
        let paths = Set(old.map(\.file.path))
        let left = try base.plan().filter { paths.contains($0.file.path) }
        var transaction = Transaction(base)
        transaction.overwrite(
            adding: try writer.finish(),
            removing: left.map(\.file),
            removingDeletes: left.flatMap { $0.deletes.map(\.file) },
            summary: summary,
            operation: operation
        )
        _ = try transaction.commit()
    }

    @Test func `where another optimizer is at work base is left alone, and rows it brings back are counted`() throws {
        try withTemporaryFolder { folder in
            var stream = try MaterializeTests.Stream(in: folder)
            try stream.commit((0..<40).map { (.insert, Self.row($0, $0)) })
            _ = try stream.merge()
            let read = try stream.table.base.plan()
            try stream.commit([(.updateAfter, Self.row(1, 100)), (.delete, Self.row(2, 2)), (.delete, Self.row(3, 3))])
            _ = try stream.merge()
            #expect(stream.materializer.returnedRows == 0)
            try Self.rewrite(stream.table, read)
            #expect(try stream.merge() == .foreignOptimizer)
            #expect(stream.materializer.returnedRows == 3)
            let before = stream.table.base.currentSnapshot
            try stream.commit([(.insert, Self.row(50, 50))])
            #expect(try stream.merge() == .foreignOptimizer)
            #expect(try Materializer(stream.table).step(nowMilliseconds: 1) == .foreignOptimizer)
            #expect(try stream.table.refreshed().base.currentSnapshot == before)
            #expect(stream.materializer.returnedRows == 3 && stream.materializer.backlog.isEmpty)
            for value in ["true", "TRUE"] {
                _ = try stream.table.altered(setting: ["self-optimizing.enabled": value], removing: [])
                #expect(try stream.merge() == .foreignOptimizer)
            }
            // Amoro is told to leave the table alone.
            _ = try stream.table.altered(setting: ["self-optimizing.enabled": "false"], removing: [])
            _ = try MaterializeTests.merge(of: stream.merge())
            #expect(try Self.values(stream.table).base.contains(50))
            // The keys that were doubled have one row after their next change.
            try stream.commit([(.updateAfter, Self.row(1, 101)), (.delete, Self.row(2, 2)), (.delete, Self.row(3, 3))])
            _ = try stream.merge()
            let (merged, base) = try Self.values(stream.table)
            #expect(merged == base && base.contains(101) && !base.contains(1) && !base.contains(100))
        }
    }

    @Test func `a compaction of another engine is not an optimizer that excludes others`() throws {
        try withTemporaryFolder { folder in
            var stream = try MaterializeTests.Stream(in: folder)
            try stream.commit([(.insert, Self.row(1, 1))])
            _ = try stream.merge()
            try Self.rewrite(stream.table, stream.table.base.plan(), summary: [:], operation: .replace)
            try stream.commit([(.insert, Self.row(2, 2))])
            _ = try MaterializeTests.merge(of: stream.merge())
            #expect(try Self.values(stream.table).base == [1, 2])
        }
    }

    // MARK: Keys with several rows

    @Test func `a key that one batch names twice keeps its rows in other partitions`() throws {
        try withTemporaryFolder { folder in
            let table = try MixedTableModelTests.create(.partitionedByValue, in: folder)
            let schema = table.schema
            var transaction = Transaction(table.base)
            for (number, country) in ["apac", "eu", "us"].enumerated() {
                let path = "\(table.base.dataLocation)/\(number).parquet"
                let writer = try ParquetFileWriter(schema: schema, to: table.base.storage.create(path))
                try writer.write(.rows([[.int(7), .string(country), .long(1)]], schema))
                let partition = [Scalar.string(String(country.prefix(1)))]
                transaction.append([
                    DataFile(parquet: path, try writer.finish(), partition: partition, specId: table.base.spec.id)
                ])
            }
            let base = try transaction.commit()
            let current = table.with(base: base)
            for gone in ["a", "e", "u"] {
                let keys = try BaseKeys(current)
                func places(_ rows: Int) -> (KeyFingerprints, [KeyPlace]) {
                    let batch = ColumnBatch.rows([ModelRow](repeating: [.int(7)], count: rows), current.keySchema)
                    let prints = keys.fingerprints(batch.columns, count: rows)
                    var found: [KeyPlace] = []
                    keys.forEachPlace(of: prints) { row, place in if row == 0 { found.append(place) } }
                    return (prints, found.filter { keys.files.isLive($0) })
                }
                let partition: (KeyPlace) -> Scalar? = { keys.files[$0.file]?.file.partition.first }
                #expect(places(1).1.count == 3)
                let (twice, all) = places(2)
                let place = try #require(all.first { partition($0) == .string(gone) })
                var commit = BaseKeys.Commit(base: base)
                commit.removed = [twice]
                commit.deletes = [(place.file, [], DeletedRows([Int64(place.row)], rowCount: 1))]
                try keys.apply(commit, of: current)
                let left = places(1).1.compactMap(partition)
                #expect(Set(left) == Set(["a", "e", "u"].filter { $0 != gone }.map { Scalar.string($0) }), "\(gone)")
            }
        }
    }
}
