import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage

/// Another engine's commits to the base store of a table, made through IcebergTables.
struct OtherEngine {
    let fixture: IngestFixture
    let table: String
    private var files: [(file: DataFile, ids: [Int])] = []

    init(_ fixture: IngestFixture, table: String = "shop.people") { (self.fixture, self.table) = (fixture, table) }

    /// Adds one row per id.
    mutating func append(_ ids: [Int], name: String) throws {
        let base = try fixture.table(table).base
        let columns = base.schema.fields.enumerated().map { index, field in
            var builder = ColumnBuilder(field.type)
            for id in ids {
                switch index {
                case 0: builder.append(.long(Int64(id)))
                case 1: builder.append(.string(name))
                case 2: builder.append(.decimal(100, scale: 2))
                default: builder.append(.null)
                }
            }
            return builder.finish()
        }
        let file = try Self.write([ColumnBatch(schema: base.schema, columns: columns, count: ids.count)], to: base)
        var transaction = Transaction(base)
        transaction.append([file])
        // The run commits to base as well.
        transaction.retryPatiently()
        _ = try transaction.commit()
        files.append((file, ids))
    }

    private static func write(_ batches: [ColumnBatch], to base: Table) throws -> DataFile {
        let path = "\(base.dataLocation)/other-\(UUID().uuidString).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
        for batch in batches { try writer.write(batch) }
        return DataFile(parquet: path, try writer.finish())
    }

    /// Removes the oldest file; nil when there is none, or when the run has written its rows into another one.
    mutating func remove() throws -> [Int]? {
        guard !files.isEmpty else { return nil }
        let (file, ids) = files.removeFirst()
        var transaction = Transaction(try fixture.table(table).base)
        transaction.overwrite(adding: [], removing: [file])
        transaction.retryPatiently()
        return try Self.commit(transaction) ? ids : nil
    }

    /// Writes all rows of base again, as one file; they stay the same. Whether no other writer came first. For tables of
    /// version 2, whose rows have no ids, without partitions.
    func compact() throws -> Bool {
        let base = try fixture.table(table).base
        let tasks = try base.plan()
        if tasks.isEmpty { return false }
        var batches: [ColumnBatch] = []
        try MergeOnReadScan(MixedTable(base: base, change: nil, primaryKey: [])).forEachInOrder {
            (batch) throws(WeirError) in
            batches.append(batch)
            return true
        }
        let deletes = Dictionary(tasks.flatMap(\.deletes).map { ($0.file.path, $0.file) }) { $1 }
        var transaction = Transaction(base)
        transaction.overwrite(
            adding: [try Self.write(batches, to: base)],
            removing: tasks.map(\.file),
            removingDeletes: Array(deletes.values),
            operation: .replace,
            validateFrom: base.metadata.currentSnapshotId
        )
        return try Self.commit(transaction)
    }

    /// False when another writer came first.
    private static func commit(_ transaction: Transaction) throws -> Bool {
        do throws(WeirError) {
            _ = try transaction.commit()
            return true
        } catch {
            guard error.code == .conflict else { throw error }
            return false
        }
    }
}
