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

/// Scans with a filter on the key skip files of both stores. What they skip has no part in the rows they return: a
/// dictionary tells.
@Suite struct KeyPruningTests {
    /// Rows whose key column is within bounds and, with a value, whose last column has it.
    private static func filter(
        _ shape: TableShape,
        _ schema: Schema,
        from low: Scalar,
        to high: Scalar,
        value: Scalar?
    ) throws -> RowFilter {
        let key = try #require(schema.field(named: shape.key[0])).id
        let last = schema.fields[schema.count - 1].id
        var bounds = [
            RowFilter.Bound(field: key, .greaterOrEqual, low), RowFilter.Bound(field: key, .lessOrEqual, high),
        ]
        if low == high { bounds = [RowFilter.Bound(field: key, .equal, low)] }
        if let value { bounds.append(RowFilter.Bound(field: last, .equal, value)) }
        return RowFilter(fields: [key, last], bounds: bounds) { (batch) throws(WeirError) in
            guard let keys = batch.column(field: key), let values = batch.column(field: last) else { return [] }
            return (0..<batch.count).filter { row in
                isWithin(keys.scalar(row), low, high) && (value.map { values.scalar(row) == $0 } ?? true)
            }.map { Int32($0) }
        }
    }

    private static func isWithin(_ key: Scalar, _ low: Scalar, _ high: Scalar) -> Bool {
        key.precedes(low) != true && high.precedes(key) != true
    }

    @Test(arguments: SeededGenerator.seeds(3), TableShape.allCases)
    func `a filter on the key finds what the whole table holds`(seed: UInt64, shape: TableShape) throws {
        try withTemporaryFolder { folder in
            let reads = SharedCount()
            let storage = LocalObjectStorage(
                files: WatchedFileSystem { path, access in
                    if access == .read, path.hasSuffix(".parquet") { reads.add() }
                }
            )
            var table = try MixedTableModelTests.create(shape, in: folder, storage: storage)
            let keyColumns = shape.key.compactMap { table.schema.index(named: $0) }
            var history = ChangeHistory(schema: table.schema, keyColumns: keyColumns, seed: seed)
            var random = SeededGenerator(seed: seed)
            let writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            // Files that were opened for one key, and how many it would have been without pruning.
            var (opened, all) = (0, 0)
            for epoch in 0..<14 {
                #expect(try writer.write(history.next(9)).isEmpty)
                let next = PositionLedger(["t": [0: Int64(epoch + 1)]])
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
                if epoch == 4 { table = try FullOptimize(table, nowMilliseconds: 1_700_000_000_000).run().table }
                reads.reset()
                _ = try MergeOnReadScan(table).count()
                let whole = reads.value
                let rows = history.state.values.sorted { "\($0)" < "\($1)" }
                for _ in 0..<4 {
                    guard let one = rows.randomElement(using: &random), let other = rows.randomElement(using: &random)
                    else { continue }
                    var (low, high) = (one[keyColumns[0]], other[keyColumns[0]])
                    if random.next() % 2 == 0 { high = low }
                    if high.precedes(low) == true { swap(&low, &high) }
                    let value = random.next() % 3 == 0 ? one[one.count - 1] : nil
                    if value == .null { continue }
                    let filter = try Self.filter(shape, table.schema, from: low, to: high, value: value)
                    let expected = rows.filter { row in
                        Self.isWithin(row[keyColumns[0]], low, high) && (value.map { row[row.count - 1] == $0 } ?? true)
                    }
                    var found: [ModelRow] = []
                    reads.reset()
                    try MergeOnReadScan(table, filter: filter).forEachInOrder { batch in
                        found += (0..<batch.count).map { batch.modelRow($0) }
                        return true
                    }
                    if low == high {
                        opened += reads.value
                        all += whole
                    }
                    #expect(found.count == expected.count, "seed \(seed), epoch \(epoch)")
                    #expect(
                        Set(found) == Set(expected),
                        "seed \(seed), epoch \(epoch), \(low) to \(high), \(value as Any)"
                    )
                }
            }
            #expect(opened * 2 < all, "seed \(seed): \(opened) of \(all) files are opened for one key")
        }
    }

    /// Wider types have other hashes, and so have texts of UUIDs, which Spark hashes: no file is left out by its node.
    @Test func `a key that became wider is found in files of its old type`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let schema = Schema([Field(id: 1, name: "id", type: .int), Field(id: 2, name: "value", type: .long)])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "t"),
                schema: schema,
                primaryKey: ["id"]
            )
            var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            let writer = try KeyedTableWriter(table)
            let rows: [(ChangeKind, ModelRow)] = (-20..<20).map { (.insert, [.int($0), .long(Int64($0) * 10)]) }
            _ = try writer.write(.changes(rows, schema))
            table = try table.commit(try writer.cut(), topology: "t", from: .init(), to: .init(["t": [0: 1]]))
            for store in [table.base, try #require(table.change)] { try store.widen("id") }
            for _ in 0..<2 {
                table = try table.refreshed()
                for key in Int64(-20)..<20 {
                    let filter = RowFilter(
                        fields: [1],
                        bounds: [RowFilter.Bound(field: 1, .equal, .long(key))]
                    ) { (batch) throws(WeirError) in
                        guard let keys = batch.column(field: 1) else { return [] }
                        return (0..<batch.count).filter { keys.scalar($0) == .long(key) }.map { Int32($0) }
                    }
                    var found: [ModelRow] = []
                    try MergeOnReadScan(table, filter: filter).forEachInOrder { batch in
                        found += (0..<batch.count).map { batch.modelRow($0) }
                        return true
                    }
                    #expect(found == [[.long(key), .long(key * 10)]])
                }
                _ = try FullOptimize(table, nowMilliseconds: 0).run()
            }
        }
    }

    /// A file of two row groups is searched by its key first. Some of its rows are deleted by position, some by changes
    /// that base has not got yet.
    @Test(arguments: [2, 3]) func `few rows of a large file are found`(version: Int) throws {
        try withTemporaryFolder { folder in
            var table = try MixedTableModelTests.create(
                .partitionedByValue,
                in: folder,
                formatVersion: version,
                properties: ["change.file-index.hash-bucket": "1", "base.file-index.hash-bucket": "1"]
            )
            let writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            var live: [Int32: Int64] = [:]
            func commit(_ changes: [(ChangeKind, Int32, Int64)]) throws {
                let rows: [(ChangeKind, ModelRow)] = changes.map { kind, key, value in
                    live[key] = kind == .delete ? nil : value
                    return (kind, [.int(key), .string("x"), .long(value)])
                }
                _ = try writer.write(.changes(rows, table.schema))
                let next = PositionLedger(["t": [0: (ledger.next(topic: "t", partition: 0) ?? 0) + 1]])
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
            }
            let count: Int32 = 140_000
            // Keys come in no order, so that bounds exclude nothing.
            try commit((0..<count).map { (.insert, $0 &* 7_919 % count, Int64($0)) })
            table = try FullOptimize(table, nowMilliseconds: 1).run().table
            try commit(stride(from: 0, to: count, by: 3).map { (.updateAfter, $0, -Int64($0)) })
            try commit(stride(from: 1, to: count, by: 50).map { (.delete, $0, 0) })
            let materializer = Materializer(table)
            while try materializer.step(rewriteBytes: 0, nowMilliseconds: 1) != .caughtUp {}
            table = materializer.table
            try commit(stride(from: 0, to: count, by: 1_001).map { (.updateAfter, $0, 7) })
            try commit(stride(from: 2, to: count, by: 1_003).map { (.delete, $0, 0) })

            let seed = UInt64.random(in: 0 ..< .max)
            var random = SeededGenerator(seed: seed)
            for round in 0..<12 {
                let size = [1, 1, 3, 40][round % 4]
                let wanted = Set((0..<size).map { _ in Int32.random(in: -10..<count + 10, using: &random) })
                let filter = RowFilter(fields: [1], bounds: [], isSelective: true) { (batch) throws(WeirError) in
                    guard let keys = batch.column(field: 1)?.pointer(as: Int32.self) else { return [] }
                    return (0..<Int32(batch.count)).filter { wanted.contains(keys[Int($0)]) }
                }
                var found: [Int32: Int64] = [:]
                var rows = 0
                try MergeOnReadScan(table, filter: filter).forEachInOrder { batch in
                    for row in 0..<batch.count {
                        guard case .int(let key) = batch.columns[0].scalar(row),
                            case .long(let value) = batch.columns[2].scalar(row)
                        else { continue }
                        found[key] = value
                        rows += 1
                    }
                    return true
                }
                #expect(found == live.filter { wanted.contains($0.key) } && rows == found.count, "seed \(seed)")
            }
        }
    }
}

private final class SharedCount: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.wrappingAdd(1, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }
}
