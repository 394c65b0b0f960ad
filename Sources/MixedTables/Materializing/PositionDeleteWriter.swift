import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import ObjectStorage

/// Writes position-delete files of format version 2, each for one data file (spec section 2.1).
struct PositionDeleteWriter {
    private let base: Table
    private var names: DataFileNames

    private static let schema = Schema([PositionDeletes.pathField, PositionDeletes.positionField])
    /// Rows written at a time. Their text is the path of the data file, once a row.
    private static let blockRows = 16_384

    init(_ base: Table, random: inout some RandomNumberGenerator) {
        self.base = base
        names = DataFileNames(random: &random)
    }

    /// A file to write.
    struct Job: Sendable {
        fileprivate let path: String
        fileprivate let base: Table
        fileprivate let file: DataFile
        fileprivate let rows: DeletedRows
    }

    /// Names the file for some rows of a data file. The name says the node of the data file: readers of Mixed tables
    /// look only at delete files of its node and those above (spec section 5.1).
    mutating func job(_ rows: DeletedRows, of file: DataFile, transactionId: Int64) -> Job {
        let node = FileRole.base(path: file.path).node
        let name = names.next(node: node, type: .positionDelete, transactionId: transactionId)
        let spec = base.metadata.spec(id: file.specId) ?? base.spec
        let folder = PartitionFolder.path(file.partition, spec, in: base.dataLocation)
        return Job(path: "\(folder)/\(name)", base: base, file: file, rows: rows)
    }

    /// Writes files concurrently, since each waits for the disk; all are durable when this returns. On failure none is
    /// left.
    ///
    /// - Parameter check: called periodically; an error it throws ends the writing.
    static func write(
        _ jobs: [Job],
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> [DataFile] {
        do throws(WeirError) {
            return try concurrently(jobs, check: check) { (job, stop) throws(WeirError) in try write(job, stop) }
        } catch {
            for job in jobs { try? job.base.storage.delete(job.path) }
            throw error
        }
    }

    private static func write(_ job: Job, _ stop: () throws(WeirError) -> Void) throws(WeirError) -> DataFile {
        var settings = ParquetSettings()
        settings.plainFields = [PositionDeletes.positionField.id]
        let writer = try ParquetFileWriter(
            schema: schema,
            to: try job.base.storage.create(job.path),
            settings: settings
        )
        do {
            try job.rows.forEachBlock(of: blockRows) { (rows) throws(WeirError) in
                try stop()
                let numbers = Buffer.filled(count: rows.count * 8) { target in
                    rows.withUnsafeBytes { target.copyMemory(from: $0) }
                }
                let paths = ColumnVector.constant(.string(job.file.path), .string, count: rows.count)
                try writer.write(
                    ColumnBatch(
                        schema: schema,
                        columns: [
                            paths ?? .nulls(.string, count: rows.count),
                            ColumnVector(type: .long, count: rows.count, validity: nil, values: numbers),
                        ],
                        count: rows.count
                    )
                )
            }
            var file = DataFile(
                parquet: job.path,
                try writer.finish(),
                content: .positionDeletes,
                partition: job.file.partition,
                specId: job.file.specId
            )
            // Not the statistics of the Parquet file, whose texts may be cut: readers match deletes by these bounds.
            let path = Array(job.file.path.utf8)
            file.lowerBounds[DataFile.deletePathFieldId] = path
            file.upperBounds[DataFile.deletePathFieldId] = path
            file.referencedDataFile = job.file.path
            return file
        } catch {
            writer.abandon()
            throw error
        }
    }
}
