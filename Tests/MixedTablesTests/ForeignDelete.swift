import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing

/// Deletes of rows by their positions as another engine commits them: a file of positions, or in version 3 a deletion
/// vector in the place of the one that is there.
enum ForeignDelete {
    private static let schema = Schema([
        Field(id: DataFile.deletePathFieldId, name: "file_path", type: .string, isRequired: true),
        Field(id: DataFile.deletePositionFieldId, name: "pos", type: .long, isRequired: true),
    ])

    /// A transaction that deletes a row of a data file.
    static func transaction(_ task: FileScanTask, _ position: Int64, _ base: Table) throws -> Transaction {
        var transaction = Transaction(base)
        let isVector = base.metadata.formatVersion > 2
        transaction.overwrite(
            adding: [],
            addingDeletes: [isVector ? try vector(task, position, base) : try file(task, position, base)],
            removing: [],
            removingDeletes: isVector ? task.deletes.map(\.file) : []
        )
        return transaction
    }

    /// The rows of a data file that are deleted.
    static func positions(_ task: FileScanTask, _ base: Table) throws -> [Int64] {
        try task.deletes.flatMap { delete in
            if delete.file.isDeletionVector {
                let bytes = try base.storage.read(delete.file.path)
                let start = Int(try #require(delete.file.contentOffset))
                return try DeletionVector.decode(
                    Array(bytes[start..<start + Int(try #require(delete.file.contentSize))]),
                    cardinality: delete.file.recordCount,
                    rowCount: task.file.recordCount
                )
            }
            var found: [Int64] = []
            let reader = try ParquetFileReader(base.storage.open(delete.file.path), schema: schema)
            while let (batch, _) = try reader.next() {
                for row in 0..<batch.count {
                    let values = batch.modelRow(row)
                    if values[0] == .string(task.file.path), case .long(let position) = values[1] {
                        found.append(position)
                    }
                }
            }
            return found
        }
    }

    private static func file(_ task: FileScanTask, _ position: Int64, _ base: Table) throws -> DataFile {
        // Another engine names its files as it likes.
        let path = "\(base.dataLocation)/\(UUID().uuidString)-deletes.parquet"
        let writer = try ParquetFileWriter(schema: schema, to: base.storage.create(path))
        try writer.write(.rows([[.string(task.file.path), .long(position)]], schema))
        return DataFile(
            parquet: path,
            try writer.finish(),
            content: .positionDeletes,
            partition: task.file.partition,
            specId: base.spec.id
        )
    }

    private static func vector(_ task: FileScanTask, _ position: Int64, _ base: Table) throws -> DataFile {
        let path = "\(base.dataLocation)/\(UUID().uuidString)-deletes.puffin"
        let entry = DeletionVector.Entry(
            dataFile: task.file.path,
            positions: PositionBitmap([position] + (try positions(task, base)))
        )
        let (bytes, places) = DeletionVector.file(of: [entry])
        try base.storage.putNew(path, bytes)
        return DataFile(
            content: .positionDeletes,
            path: path,
            format: .puffin,
            partition: task.file.partition,
            specId: task.file.specId,
            recordCount: places[0].cardinality,
            fileSize: Int64(bytes.count),
            referencedDataFile: task.file.path,
            contentOffset: places[0].offset,
            contentSize: places[0].size
        )
    }
}
