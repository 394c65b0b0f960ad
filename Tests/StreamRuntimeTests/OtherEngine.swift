import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import MixedTables
import ObjectStorage

/// Another engine's commits to the base store, made through IcebergTables.
struct OtherEngine {
    let fixture: IngestFixture
    private var files: [(file: DataFile, ids: [Int])] = []

    init(_ fixture: IngestFixture) { self.fixture = fixture }

    /// Adds one row per id.
    mutating func append(_ ids: [Int], name: String) throws {
        let base = try fixture.table("shop.people").base
        let path = "\(base.dataLocation)/other-\(UUID().uuidString).parquet"
        let writer = try ParquetFileWriter(schema: base.schema, to: base.storage.create(path))
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
        try writer.write(ColumnBatch(schema: base.schema, columns: columns, count: ids.count))
        let file = DataFile(parquet: path, try writer.finish())
        var transaction = Transaction(base)
        transaction.append([file])
        // The run commits to base as well.
        transaction.retryPatiently()
        _ = try transaction.commit()
        files.append((file, ids))
    }

    /// Removes the oldest file; nil when there is none, or when the run has written its rows into another one.
    mutating func remove() throws -> [Int]? {
        guard !files.isEmpty else { return nil }
        let (file, ids) = files.removeFirst()
        var transaction = Transaction(try fixture.table("shop.people").base)
        transaction.overwrite(adding: [], removing: [file])
        transaction.retryPatiently()
        do throws(WeirError) {
            _ = try transaction.commit()
        } catch {
            guard error.code == .conflict else { throw error }
            return nil
        }
        return ids
    }
}
