import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

@testable import Lookups

/// A dimension table equals a dictionary after any commits to its table.
@Suite struct DimensionTableTests {
    /// Keys of one eight-byte column, of one text column, and of several columns.
    enum Key: CaseIterable, CustomTestStringConvertible {
        case long, date, text, composite

        var testDescription: String { "\(self)" }

        var columns: [(String, FieldType)] {
            switch self {
            case .long: [("id", .long)]
            case .date: [("id", .date)]
            case .text: [("id", .string)]
            case .composite: [("id", .string), ("number", .int), ("token", .uuid)]
            }
        }

        /// The key of a number; equal numbers give equal keys.
        func values(_ number: UInt64) -> [Scalar] {
            switch self {
            case .long: [.long(Int64(bitPattern: number) &* 1_000_003)]
            case .date: [.date(Int32(truncatingIfNeeded: number) - 10)]
            case .text: [.string(number == 0 ? "" : "key \(number) ü")]
            // Neighbouring columns that concatenate to the same bytes are different keys.
            case .composite:
                [
                    .string(String(repeating: "a", count: Int(number % 4))), .int(Int32(number / 4)),
                    .uuid(UInt128(number % 2)),
                ]
            }
        }
    }

    private struct History {
        let key: Key
        var random: SeededGenerator
        var rows: [[Scalar]: [Scalar]] = [:]

        /// Changes of a table with that key and two more columns.
        mutating func next(_ count: Int, keys: UInt64) -> [(kind: ChangeKind, row: [Scalar])] {
            (0..<count).map { _ in
                let key = self.key.values(random.next() % keys)
                let name: Scalar = random.next() % 4 == 0 ? .null : .string("name \(random.next() % 1000)")
                let row = key + [name, .long(Int64(bitPattern: random.next()))]
                switch random.next() % 4 {
                case 0:
                    let old = rows.removeValue(forKey: key)
                    return (.delete, old ?? row)
                case 1:
                    rows[key] = row
                    return (.insert, row)
                default:
                    rows[key] = row
                    return (.updateAfter, row)
                }
            }
        }
    }

    private static func batch(_ rows: [[Scalar]], _ schema: Schema) -> ColumnBatch {
        let columns = schema.fields.indices.map { index in
            var builder = ColumnBuilder(schema.fields[index].type)
            for row in rows { builder.append(row[index]) }
            return builder.finish()
        }
        return ColumnBatch(schema: schema, columns: columns, count: rows.count)
    }

    private static func changes(_ changes: [(kind: ChangeKind, row: [Scalar])], _ schema: Schema) -> ChangeBatch {
        ChangeBatch(
            rows: batch(changes.map(\.row), schema),
            kinds: Buffer(copying: changes.map(\.kind.rawValue)),
            offsets: Buffer(
                copying: changes.indices.flatMap { index in withUnsafeBytes(of: Int64(index)) { Array($0) } }
            )
        )
    }

    private static func create(_ key: Key, in folder: String) throws -> MixedTable {
        let catalog = try SQLiteCatalog(
            path: folder + "/catalog.db",
            warehouse: "file://" + folder,
            storage: LocalObjectStorage(files: FaultyFileSystem())
        )
        try catalog.createNamespace(["shop"])
        let columns = key.columns + [("name", .string), ("value", .long)]
        let definition = MixedTableDefinition(
            identifier: TableIdentifier(namespace: ["shop"], name: "things"),
            schema: Schema(
                columns.enumerated().map { Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1) }
            ),
            primaryKey: key.columns.map(\.0)
        )
        return try MixedTable.create(definition, in: catalog, nowMilliseconds: 1)
    }

    /// Looks up all keys, mixed with absent keys and nulls.
    private static func check(
        _ dimension: DimensionTable,
        _ history: History,
        keys: UInt64,
        columns: [Int],
        _ what: String
    ) throws {
        #expect(dimension.count == history.rows.count, "\(what)")
        let keyWidth = history.key.columns.count
        var asked = (0..<keys + 5).map { history.key.values($0) }
        for index in 0..<keyWidth {
            var withNull = history.key.values(1)
            withNull[index] = .null
            asked.insert(withNull, at: index * 3)
        }
        let fields = history.key.columns.enumerated().map {
            Field(id: $0.offset + 1, name: $0.element.0, type: $0.element.1)
        }
        let (rows, found) = try dimension.lookup(batch(asked, Schema(fields)).columns, count: asked.count)
        #expect(rows.count == asked.count && found.count == asked.count)
        for (index, key) in asked.enumerated() {
            let expected = key.contains(.null) ? nil : history.rows[key]
            #expect(found[index] == (expected != nil), "\(key), \(what)")
            let row = rows.columns.map { $0.scalar(index) }
            let wanted = columns.map { expected?[$0] ?? .null }
            #expect(Array(row.prefix(columns.count)) == wanted, "\(key), \(what)")
        }
        #expect(try dimension.lookup(batch([], Schema(fields)).columns, count: 0).rows.count == 0)
    }

    @Test(arguments: SeededGenerator.seeds(2), Key.allCases)
    func `lookups of all keys equal the dictionary after every commit`(seed: UInt64, key: Key) throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(key, in: folder)
            let width = key.columns.count
            var history = History(key: key, random: SeededGenerator(seed: seed))
            let whole = try DimensionTable(table)
            // Only one column besides the key columns, which are always held.
            let partial = try DimensionTable(table, columns: ["value"])
            let writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            for epoch in 0..<8 {
                _ = try writer.write(Self.changes(history.next(60, keys: 80), table.schema))
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
                // Optimizing in between changes nothing for a reader of changes.
                if epoch == 3 || epoch == 6 { table = try FullOptimize(table, nowMilliseconds: 1).run().table }
                // Several commits at once are read too.
                if epoch == 5 { continue }
                let what = "seed \(seed), epoch \(epoch)"
                _ = try whole.catchUp(with: table)
                try Self.check(whole, history, keys: 80, columns: Array(0..<width + 2), what)
                _ = try partial.catchUp(with: table)
                try Self.check(partial, history, keys: 80, columns: [width + 1], what)
                // A dimension that is loaded now has the same rows.
                try Self.check(DimensionTable(table), history, keys: 80, columns: Array(0..<width + 2), what)
                // Refreshing again finds nothing new.
                let loaded = whole.loaded
                #expect(try whole.catchUp(with: table) == .nothing)
                #expect(whole.loaded == loaded)
            }
        }
    }

    @Test func `rows are packed together after many refreshes, and stay right`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(.long, in: folder)
            var history = History(key: .long, random: SeededGenerator(seed: 5))
            let dimension = try DimensionTable(table)
            let writer = try KeyedTableWriter(table)
            var ledger = PositionLedger()
            for epoch in 0..<150 {
                _ = try writer.write(Self.changes(history.next(4, keys: 50), table.schema))
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(epoch + 1))
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: next)
                ledger = next
                _ = try dimension.catchUp(with: table)
                if epoch % 10 == 9 || 125..<135 ~= epoch {
                    try Self.check(dimension, history, keys: 50, columns: [0, 1, 2], "epoch \(epoch)")
                }
            }
        }
    }

    @Test func `what is not told by changes is read anew, optimizing is not`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(.long, in: folder)
            var history = History(key: .long, random: SeededGenerator(seed: 6))
            let ledger = PositionLedger()
            func commit() throws {
                let writer = try KeyedTableWriter(table)
                _ = try writer.write(Self.changes(history.next(30, keys: 50), table.schema))
                table = try table.commit(try writer.cut(), topology: "model", from: ledger, to: ledger)
            }
            try commit()
            let dimension = try DimensionTable(table)
            try commit()
            table = try FullOptimize(table, nowMilliseconds: 1).run().table
            #expect(try dimension.catchUp(with: table) != .nothing)
            try Self.check(dimension, history, keys: 50, columns: [0, 1, 2], "optimized")
            table = try FullOptimize(table, nowMilliseconds: 1).run().table
            #expect(try dimension.catchUp(with: table) == .nothing)
            // Snapshots in between expire, of both stores.
            for store in [table.base, table.change].compactMap(\.self) {
                var transaction = Transaction(store)
                transaction.setProperties(["snapshot.keep.max-count": "2"])
                _ = try transaction.commit()
            }
            table = try table.refreshed()
            let known = dimension.point
            for _ in 0..<4 {
                for _ in 0..<2 { try commit() }
                table = try FullOptimize(table, nowMilliseconds: 1).run().table
            }
            #expect(table.base.metadata.snapshot(id: known.baseSnapshotId ?? 0) == nil)
            #expect(table.change?.metadata.snapshot(id: known.changeSnapshotId ?? 0) == nil)
            let (after, last) = (known.changeSequence + 1, known.changeSequence + 8)
            #expect(CatchUp(from: known, to: table) == .changes([after...last - 2, last - 1...last]))
            let others1 = CatchUp(
                from: known,
                to: table,
                except: RangeSet([after..<after + 1, after + 2..<after + 3, last..<last + 1])
            )
            #expect(others1 == .changes([after + 1...after + 1, after + 3...last - 2, last - 1...last - 1]))
            #expect(try dimension.catchUp(with: table) != .nothing)
            try Self.check(dimension, history, keys: 50, columns: [0, 1, 2], "after expiry")
            for store in [table.base, table.change].compactMap(\.self) {
                var transaction = Transaction(store)
                transaction.removeProperties(["snapshot.keep.max-count"])
                _ = try transaction.commit()
            }
            table = try table.refreshed()
            // The process's own commits are skipped, those of others between them are not.
            let start = dimension.point.changeSequence
            for _ in 0..<5 { try commit() }
            var own = RangeSet([start + 1..<start + 3, start + 4..<start + 5])
            let others = CatchUp(from: dimension.point, to: table, except: own)
            #expect(others == .changes([start + 3...start + 3, start + 5...start + 5]))
            own.formUnion(RangeSet([start + 3..<start + 4, start + 5..<start + 6]))
            #expect(CatchUp(from: dimension.point, to: table, except: own) == .nothing)
            #expect(CatchUp(from: dimension.point, to: table) == .changes([start + 1...start + 5]))
            _ = try dimension.catchUp(with: table)
            // Another engine appends to base.
            let base = MixedTable(base: table.base, change: nil, primaryKey: [])
            let writer = UnkeyedTableWriter(base)
            let row: [Scalar] = [.long(-1), .string("another engine's"), .long(1)]
            _ = try writer.write(Self.changes([(kind: .insert, row: row)], table.schema))
            _ = try base.commit(try writer.cut(), topology: "model", from: ledger, to: ledger)
            table = try table.refreshed()
            guard case .reload = try dimension.catchUp(with: table) else {
                Issue.record("an append to base was passed over")
                return
            }
            // Snapshots that were expired.
            let old = dimension.point
            try commit()
            try commit()
            var transaction = Transaction(try #require(table.change))
            let gone = table.change?.metadata.snapshots.dropLast().map(\.id) ?? []
            transaction.removeSnapshots(Set(gone))
            table = MixedTable(base: table.base, change: try transaction.commit(), primaryKey: table.primaryKey)
            guard case .reload = CatchUp(from: old, to: table) else {
                Issue.record("a gap in the history was passed over")
                return
            }
        }
    }

    @Test func `a long text that many keys find comes in parts`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.long, in: folder)
            let dimension = try DimensionTable(table)
            let text = String(repeating: "x", count: 1000)
            try dimension.apply(Self.changes([(.insert, [.long(7), .string(text), .long(1)])], table.schema))
            let keys = Self.batch([[Scalar]](repeating: [.long(7)], count: 50), Schema(table.primaryKey)).columns
            for (limit, count) in [(50_000, 50), (49_999, 49), (10_500, 10), (2_000, 2), (1_000, 2), (0, 2)] {
                let (rows, found) = try dimension.lookup(keys, count: 50, textBytes: limit)
                #expect(rows.count == count && found == Array(repeating: true, count: count))
                #expect(rows.columns[1].scalar(count - 1) == .string(text))
            }
            let one = keys.map { $0.sliced(from: 0, count: 1) }
            #expect(try dimension.lookup(one, count: 1, textBytes: 10).rows.count == 1)
        }
    }

    @Test func `changes that have gone mean that everything is read anew`() throws {
        try withTemporaryFolder { folder in
            var table = try Self.create(.long, in: folder)
            let dimension = try DimensionTable(table)
            let before = dimension.point
            let ledger = PositionLedger()
            for id in 0..<2 {
                let writer = try KeyedTableWriter(table)
                let row: [Scalar] = [.long(Int64(id)), .string("x"), .long(1)]
                _ = try writer.write(Self.changes([(kind: .insert, row: row)], table.schema))
                let epoch = try writer.cut()
                table = try table.commit(epoch, topology: "model", from: ledger, to: ledger)
                // The first commit can be read, the second cannot.
                if id == 1 { for file in epoch.files { try table.base.storage.delete(file.path) } }
            }
            guard case .reload = try dimension.catchUp(with: table) else {
                Issue.record("changes that are not there were passed over")
                return
            }
            #expect(dimension.point == before)
        }
    }

    @Test func `changes of a column that became wider elsewhere are refused, never read as what they are not`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.date, in: folder)
            let dimension = try DimensionTable(table)
            let fields = table.schema.fields
            let other = Schema(fields.dropLast() + [Field(id: fields[2].id, name: "value", type: .int)])
            try dimension.apply(Self.changes([(.insert, [.date(1), .null, .int(-7)])], other))
            let key = Self.batch([[.date(1)]], Schema([fields[0]]))
            #expect(try dimension.lookup(key.columns, count: 1).rows.columns[2].scalar(0) == .long(-7))
            let wider = Schema(fields.dropLast() + [Field(id: fields[2].id, name: "value", type: .double)])
            #expect(throws: WeirError.self) {
                try dimension.apply(Self.changes([(.insert, [.date(2), .null, .double(1)])], wider))
            }
        }
    }

    @Test func `rows that die are forgotten, and a row is copied a few times in its life`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.long, in: folder)
            let dimension = try DimensionTable(table)
            let schema = table.schema
            func apply(_ keys: Range<Int>, _ kind: ChangeKind) throws {
                let rows = keys.map { key -> (kind: ChangeKind, row: [Scalar]) in
                    (kind, [.long(Int64(key)), .string("a name of some length"), .long(1)])
                }
                try dimension.apply(Self.changes(rows, schema))
            }
            let total = 40_000
            for start in stride(from: 0, to: total, by: 50) { try apply(start..<start + 50, .insert) }
            #expect(dimension.count == total)
            #expect(dimension.copiedRows <= 5 * total, "\(dimension.copiedRows) rows were copied")
            let bytes = dimension.byteCount
            // Most rows replace earlier ones; all sizes of batches.
            var random = SeededGenerator(seed: 2)
            for _ in 0..<300 {
                let start = Int(random.next() % UInt64(total - 1000))
                try apply(start..<start + Int(random.next() % 1000), .updateAfter)
            }
            #expect(dimension.count == total)
            #expect(dimension.byteCount < 4 * bytes, "\(dimension.byteCount) bytes, \(bytes) without dead rows")
            for start in stride(from: 0, to: total, by: 1000) { try apply(start..<start + 1000, .delete) }
            #expect(dimension.count == 0)
            #expect(dimension.byteCount < bytes / 10)
        }
    }

    @Test func `a table without a key and columns that are not there are refused`() throws {
        try withTemporaryFolder { folder in
            let table = try Self.create(.text, in: folder)
            let unkeyed = MixedTable(base: table.base, change: nil, primaryKey: [])
            #expect { try DimensionTable(unkeyed) } throws: { ($0 as? WeirError)?.code == .invalid }
            let error = #expect(throws: WeirError.self) { try DimensionTable(table, columns: ["nam"]) }
            #expect(error?.description.contains("name") == true)
        }
    }
}
