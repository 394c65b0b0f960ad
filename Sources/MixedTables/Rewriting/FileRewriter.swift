import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Writes the live rows of data files to new files, in the order of the old ones.
///
/// The new files of a keyed table are in the node of their keys and of the newest transaction of the old ones (spec
/// section 10.4). In format version 3 rows keep their ids.
struct FileRewriter: Sendable {
    private let table: MixedTable
    private let schema: Schema
    private let projection: TableProjection
    private let deletes: RowDeletes
    private let targetBytes: Int64

    /// - Parameter targetBytes: of a new file.
    init(_ table: MixedTable, targetBytes: Int64) throws(WeirError) {
        self.targetBytes = targetBytes
        self.table = table
        schema = RowLineage.schema(of: table)
        projection = try TableProjection(table)
        deletes = try RowDeletes(table)
    }

    /// Notes what the deletes of some files remove, to write these deletes anew: the files stay.
    func deletes(
        of files: [FileScanTask],
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> RewrittenFiles {
        var inputs: [RewrittenFiles.Input] = []
        for file in files {
            let positions = try deletes.positions(of: file, check: check)
            let all = try deletes.all(of: file, positions: positions, check: check)
            inputs.append(RewrittenFiles.Input(task: file, deleted: all, positions: positions))
        }
        return RewrittenFiles(inputs: inputs, outputs: [])
    }

    /// Writes files of one partition anew.
    ///
    /// - Parameter check: called for each batch; an error it throws ends the work, and no file is left.
    func rewrite(
        _ files: [FileScanTask],
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> RewrittenFiles {
        guard let first = files.first else { preconditionFailure("there is nothing to rewrite") }
        guard let spec = table.base.metadata.spec(id: first.specId) else {
            throw WeirError(.corrupt, "a data file has the unknown partition spec \(first.specId)", at: first.file.path)
        }
        let buckets = table.isKeyed ? try table.baseBucketCount() : 1
        let bytes = files.reduce(Int64(0)) { $0.addingClamped($1.file.fileSize) }
        var random = SystemRandomNumberGenerator()
        var writer = RewriteWriter(
            table,
            schema: schema,
            partition: first.file.partition,
            spec: spec,
            nodes: buckets,
            transactionId: transaction(of: files),
            fileBytes: Self.fileBytes(of: bytes, target: targetBytes),
            random: &random
        )
        do throws(WeirError) {
            var inputs: [RewrittenFiles.Input] = []
            for file in files.sorted(by: Self.isBefore) { inputs.append(try copy(file, to: &writer, check)) }
            return RewrittenFiles(inputs: inputs, outputs: try writer.finish())
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func copy(
        _ task: FileScanTask,
        to writer: inout RewriteWriter,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> RewrittenFiles.Input {
        let positions = try deletes.positions(of: task, check: check)
        let deleted = try deletes.all(of: task, positions: positions, check: check)
        var map = RowMap()
        let reader = try DataFileReader.open(
            task.file,
            storage: table.base.storage,
            schema: schema,
            columns: projection.columns(ofBase: task.file)
        )
        while let (raw, firstRow) = try reader.next() {
            try check()
            guard firstRow + Int64(raw.count) <= min(task.file.recordCount, Int64(UInt32.max)) else {
                throw WeirError(
                    .corrupt,
                    "the file has more rows than the \(task.file.recordCount) that the table's metadata says",
                    at: task.file.path
                )
            }
            let whole = RowLineage.inherited(
                raw,
                firstRow: firstRow,
                task.file,
                dataSequenceNumber: task.dataSequenceNumber
            )
            var (batch, rows): (ColumnBatch, [Int32]?) = (whole, nil)
            if !deleted.isEmpty {
                let live = deleted.survivors(from: UInt32(firstRow), count: whole.count)
                if live.isEmpty { continue }
                if live.count < whole.count { (batch, rows) = (whole.gathered(live), live) }
            }
            var hashes: [Int32]?
            if table.isKeyed {
                let keys = table.primaryKey.compactMap { batch.column(field: $0.id) }
                hashes = KeyHash.hashes(of: keys, count: batch.count)
            }
            try writer.write(batch, rows: rows, offset: UInt32(firstRow), hashes: hashes, map: &map)
        }
        guard map.rowCount + deleted.count == Int(task.file.recordCount) else {
            throw WeirError(
                .corrupt,
                "the file has \(map.rowCount) rows besides \(deleted.count) deleted ones, and the table's metadata says "
                    + "\(task.file.recordCount)",
                at: task.file.path,
                advice: "the file is damaged, or was not written by what its metadata was written by; it stays as it is"
            )
        }
        return RewrittenFiles.Input(task: task, deleted: deleted, positions: positions, map: map)
    }

    /// The size at which files end, so that the last one is not much smaller than the others.
    static func fileBytes(of bytes: Int64, target: Int64) -> Int64 {
        let target = max(1, target)
        guard bytes > target else { return .max }
        let count = max(1, (Double(bytes) / Double(target)).rounded())
        return Int64(Double(bytes) / count * 1.05)
    }

    private static func isBefore(_ left: FileScanTask, _ right: FileScanTask) -> Bool {
        (left.dataSequenceNumber, left.file.path) < (right.dataSequenceNumber, right.file.path)
    }

    private func transaction(of files: [FileScanTask]) -> Int64 {
        table.isKeyed ? files.map { FileRole.base(path: $0.file.path).transactionId }.max() ?? 0 : 0
    }
}
