import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

/// Writes rows into one Parquet file per partition, node and file type, starting a new file at the target size.
///
/// Each open file holds buffers, so their number is bounded: beyond it the file that was idle longest is finished.
final class PartitionedFileWriter {
    private struct Key: Hashable {
        let partition: UInt32
        let node: Int
        let type: DataFileType
    }

    private struct Open {
        let writer: ParquetFileWriter
        let path: String
        let partition: [Scalar]
        var lastUse: Int
    }

    static let openFilesMax = 64

    private let storage: any ObjectStorage
    private let dataLocation: String
    private let spec: PartitionSpec
    private let schema: Schema
    private let columns: Schema
    private let metrics: MetricsConfig
    private let targetFileBytes: Int64
    private var names: DataFileNames
    private var open: [Key: Open] = [:]
    private var finished: [DataFile] = []
    private var clock = 0
    /// Rows written to all files.
    private(set) var rowCount: Int64 = 0

    /// - Parameters:
    ///   - dataLocation: the store's data folder.
    ///   - schema: of the files, which may have more columns than the table.
    ///   - columns: of the table.
    ///   - properties: of the table: they say which column statistics files get.
    init(
        storage: any ObjectStorage,
        dataLocation: String,
        spec: PartitionSpec,
        schema: Schema,
        columns: Schema,
        properties: [String: String],
        targetFileBytes: Int64,
        random: inout some RandomNumberGenerator
    ) {
        self.storage = storage
        self.dataLocation = dataLocation
        self.spec = spec
        self.schema = schema
        self.columns = columns
        metrics = MetricsConfig(properties: properties, schema: columns)
        self.targetFileBytes = targetFileBytes
        names = DataFileNames(random: &random)
    }

    /// Bytes in finished and open files, about.
    var byteCount: Int64 {
        finished.reduce(0) { $0 + $1.fileSize } + open.values.reduce(0) { $0 + $1.writer.writtenBytes }
    }

    /// Appends rows to the file of a partition, node and type.
    ///
    /// - Parameter ordinal: a number that stands for the partition within this writer.
    func write(
        _ batch: ColumnBatch,
        partition: [Scalar],
        ordinal: UInt32,
        node: TreeNode,
        type: DataFileType,
        transactionId: Int64 = 0
    ) throws(WeirError) {
        if batch.count == 0 { return }
        let key = Key(partition: ordinal, node: node.id, type: type)
        clock += 1
        if open[key] == nil {
            if open.count >= Self.openFilesMax, let idle = open.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                try finish(idle.key)
            }
            let directory = spec.fields.isEmpty ? dataLocation : "\(dataLocation)/\(spec.path(for: partition))"
            let path = "\(directory)/\(names.next(node: node, type: type, transactionId: transactionId))"
            let writer = try ParquetFileWriter(schema: schema, to: try storage.create(path))
            open[key] = Open(writer: writer, path: path, partition: partition, lastUse: clock)
        }
        guard let file = open[key] else { return }
        open[key]?.lastUse = clock
        try file.writer.write(batch)
        rowCount += Int64(batch.count)
        if file.writer.writtenBytes >= targetFileBytes { try finish(key) }
    }

    private func finish(_ key: Key) throws(WeirError) {
        guard let file = open.removeValue(forKey: key) else { return }
        let written = try file.writer.finish()
        // A change file's `_file_offset` is no column of the table and gets no statistics.
        let summary = ParquetFileSummary(
            rowCount: written.rowCount,
            fileSize: written.fileSize,
            splitOffsets: written.splitOffsets,
            columns: written.columns.filter { columns.field(id: $0.field) != nil }
        )
        finished.append(
            DataFile(parquet: file.path, summary, partition: file.partition, specId: spec.id, metrics: metrics)
        )
    }

    /// Finishes every file; all of them are durable when this returns.
    func finish() throws(WeirError) -> [DataFile] {
        // A fixed order, so that the same input gives the same commit.
        let keys = open.sorted { $0.value.path < $1.value.path }.map(\.key)
        for key in keys { try finish(key) }
        defer { finished = [] }
        return finished
    }

    /// Gives all files up, finished ones too: nothing refers to them yet.
    func abandon() {
        for file in open.values { file.writer.abandon() }
        for file in finished { try? storage.delete(file.path) }
        open = [:]
        finished = []
    }
}
