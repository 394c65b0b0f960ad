import Bytes
import ChangeEvents
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage
import Testing
import WeirTesting

/// Old snapshots are read with their own columns, and deletes by dropped columns still apply.
@Suite struct TimeTravelTests {
    private static let schema = Schema([
        Field(id: 1, name: "id", type: .int), Field(id: 2, name: "note", type: .string),
        Field(id: 3, name: "a", type: .int),
    ])
    /// `note` dropped, `a` renamed and widened, the key widened, `c` added.
    private static let later = Schema([
        Field(id: 1, name: "id", type: .long), Field(id: 3, name: "b", type: .long),
        Field(id: 4, name: "c", type: .string),
    ])

    private static func evolved(_ table: Table) throws -> Table {
        var transaction = Transaction(table)
        transaction.setSchema { (_) throws(WeirError) in later }
        return try transaction.commit()
    }

    private static func rows(_ table: MixedTable, _ filter: RowFilter? = nil, at point: ReadPoint) throws -> Set<
        ModelRow
    > {
        var rows: Set<ModelRow> = []
        try MergeOnReadScan(table, filter: filter, at: point).forEachInOrder { (batch) throws(WeirError) in
            for row in 0..<batch.count { rows.insert(batch.modelRow(row)) }
            return true
        }
        return rows
    }

    @Test(arguments: [true, false])
    func `a snapshot has the columns of its time`(isKeyed: Bool) throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["shop"])
            let definition = MixedTableDefinition(
                identifier: TableIdentifier(namespace: ["shop"], name: "t"),
                schema: Self.schema,
                primaryKey: isKeyed ? ["id"] : []
            )
            var table = try MixedTable.create(definition, in: catalog, nowMilliseconds: 0)
            var ledger = PositionLedger()
            func commit(_ rows: [ModelRow]) throws {
                let writer: any TableWriter = isKeyed ? try KeyedTableWriter(table) : UnkeyedTableWriter(table)
                #expect(try writer.write(.changes(rows.map { (.insert, $0) }, table.schema)).isEmpty)
                var next = ledger
                next.advance(topic: "t", partition: 0, to: Int64(table.ingestStore.metadata.snapshots.count + 1))
                table = try table.commit(try writer.cut(), topology: "t", from: ledger, to: next)
                ledger = next
            }
            try commit([[.int(1), .string("x"), .int(-10)], [.int(-2), .string("y"), .int(20)]])
            let first = try #require(table.ingestStore.metadata.currentSnapshot)
            _ = try table.change.map { try Self.evolved($0) }
            _ = try Self.evolved(table.base)
            table = try MixedTable.load(table.identifier, from: catalog)
            try commit([[.long(3), .long(30), .string("z")]])

            let old = try ReadPoint(snapshot: first.id, of: table)
            let seen = try table.seen(at: old)
            let columns = seen.schema.fields.map { "\($0.id) \($0.name) \($0.type)" }
            #expect(columns == ["1 id int", "2 note string", "3 a int"])
            #expect(seen.primaryKey == (isKeyed ? [seen.schema.fields[0]] : []))
            let then: Set<ModelRow> = [[.int(1), .string("x"), .int(-10)], [.int(-2), .string("y"), .int(20)]]
            #expect(try Self.rows(seen, at: old) == then)
            // A filter on a column that was dropped since, tested by statistics and by row.
            let filter = RowFilter(
                fields: [2],
                bounds: [RowFilter.Bound(field: 2, .greaterOrEqual, .string("y"))]
            ) { (batch) throws(WeirError) in
                guard let column = batch.column(field: 2) else { return [] }
                return (0..<batch.count).filter { column.scalar($0) == .string("y") }.map { Int32($0) }
            }
            #expect(try Self.rows(seen, filter, at: old) == [[.int(-2), .string("y"), .int(20)]])
            // The table and its newest snapshot have the current columns.
            let now: Set<ModelRow> = [
                [.long(1), .long(-10), .null], [.long(-2), .long(20), .null], [.long(3), .long(30), .string("z")],
            ]
            #expect(try Self.rows(table, at: ReadPoint(current: table)) == now)
            let newest = try #require(table.ingestStore.metadata.currentSnapshot)
            let last = try ReadPoint(snapshot: newest.id, of: table)
            #expect(try Self.rows(table.seen(at: last), at: last) == now)
            #expect(try table.seen(at: old).refreshed().schema == Self.later)
        }
    }

    @Test func `an equality delete by a column that was dropped since still deletes`() throws {
        try withTemporaryFolder { folder in
            let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: "file://" + folder)
            try catalog.createNamespace(["db"])
            var table = try catalog.create(TableIdentifier("db.t"), schema: Self.schema)
            func write(_ rows: [ModelRow], _ schema: Schema) throws -> DataFile {
                let path = "\(table.dataLocation)/\(UUID().uuidString).parquet"
                let writer = try ParquetFileWriter(schema: schema, to: table.storage.create(path))
                try writer.write(.rows(rows, schema))
                return DataFile(parquet: path, try writer.finish())
            }
            var append = Transaction(table)
            append.append([
                try write([[.int(1), .string("x"), .int(1)], [.int(2), .string("y"), .int(2)]], Self.schema)
            ])
            table = try append.commit()
            func delete(_ rows: [ModelRow], _ schema: Schema, ids: [Int]) throws -> DataFile {
                var file = try write(rows, schema)
                file.content = .equalityDeletes
                file.equalityIds = ids
                return file
            }
            let note = Schema([Self.schema.fields[1]])
            var delta = Transaction(table)
            delta.overwrite(adding: [], addingDeletes: [try delete([[.string("y")]], note, ids: [2])], removing: [])
            _ = try delta.commit()
            table = try Self.evolved(catalog.load(TableIdentifier("db.t")))
            let mixed = try MixedTable.load(TableIdentifier("db.t"), from: catalog)
            #expect(try Self.rows(mixed, at: ReadPoint(current: mixed)) == [[.long(1), .long(1), .null]])

            // A mapping that names no column, or an unknown one, cannot be applied.
            for (ids, words) in [([], "which columns"), ([77], "77")] {
                var bad = Transaction(try catalog.load(TableIdentifier("db.t")))
                bad.overwrite(adding: [], addingDeletes: [try delete([[.string("x")]], note, ids: ids)], removing: [])
                let made = MixedTable(base: try bad.commit(), change: nil, primaryKey: [])
                let error = #expect(throws: WeirError.self) { try Self.rows(made, at: ReadPoint(current: made)) }
                #expect(error?.message.contains(words) == true, "\(String(describing: error))")
                _ = try table.catalog.load(TableIdentifier("db.t"))
                if ids.isEmpty {
                    try catalog.drop(TableIdentifier("db.t"))
                    table = try catalog.create(TableIdentifier("db.t"), schema: Self.schema)
                    var again = Transaction(table)
                    again.append([try write([[.int(1), .string("x"), .int(1)]], Self.schema)])
                    table = try again.commit()
                }
            }
        }
    }
}
