import Bytes
import Columnar
import IcebergFormat
import ObjectStorage

/// Writes rows into one Parquet file per partition, node and file type, starting a new file at the target size.
///
/// ```
/// write ─> waiting rows of a file ─ enough of them ─> its open Parquet writer ─ target size, end ─> finished
/// ```
/// Both are bounded. Small pieces, as many partitions at once make them, wait until they are worth a write. An open file
/// holds buffers, so only so many are open: rows of another file wait longer, and then the file that was idle longest is
/// finished. Without the wait, changes spread over many partitions would leave thousands of tiny files.
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

    private struct Waiting {
        let partition: [Scalar]
        let node: TreeNode
        let transactionId: Int64
        var batches: [ColumnBatch] = []
        var rows = 0
        var bytes = 0
    }

    static let openFilesMax = 64
    /// Rows that are worth a write to an open file.
    static let writeRows = 2048
    /// Bytes that are worth opening a file when as many as may be are open already.
    static let openBytes = 1 << 20
    /// Bytes that wait at most, over all files.
    static let waitingBytesMax = 64 << 20
    static let folderNameMax = 200

    private let storage: any ObjectStorage
    private let dataLocation: String
    private let spec: PartitionSpec
    private let schema: Schema
    private let columns: Schema
    private let metrics: MetricsConfig
    private let targetFileBytes: Int64
    private let settings: ParquetSettings
    private var names: DataFileNames
    private var open: [Key: Open] = [:]
    private var waiting: [Key: Waiting] = [:]
    private var waitingBytes = 0
    private var finished: [DataFile] = []
    private var clock = 0
    /// Rows written to all files.
    private(set) var rowCount: Int64 = 0

    /// - Parameters:
    ///   - dataLocation: the store's data folder.
    ///   - schema: of the files, which may have more columns than the table.
    ///   - columns: of the table.
    ///   - settings: of the files.
    ///   - properties: of the table: they say which column statistics files get.
    init(
        storage: any ObjectStorage,
        dataLocation: String,
        spec: PartitionSpec,
        schema: Schema,
        columns: Schema,
        properties: [String: String],
        targetFileBytes: Int64,
        settings: ParquetSettings = ParquetSettings(),
        random: inout some RandomNumberGenerator
    ) {
        self.storage = storage
        self.dataLocation = dataLocation
        self.spec = spec
        self.schema = schema
        self.columns = columns
        metrics = MetricsConfig(properties: properties, schema: columns)
        self.targetFileBytes = targetFileBytes
        self.settings = settings
        names = DataFileNames(random: &random)
    }

    /// Bytes in finished and open files and of waiting rows, about.
    var byteCount: Int64 {
        finished.reduce(Int64(waitingBytes)) { $0 + $1.fileSize }
            + open.values.reduce(0) { $0 + $1.writer.writtenBytes }
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
        rowCount += Int64(batch.count)
        let key = Key(partition: ordinal, node: node.id, type: type)
        let bytes = batch.byteCount
        let rows: Int
        let size: Int
        do {
            // Taken out while it grows, so that its list is not copied.
            var pieces =
                waiting.removeValue(forKey: key)
                ?? Waiting(partition: partition, node: node, transactionId: transactionId)
            pieces.batches.append(batch)
            pieces.rows += batch.count
            pieces.bytes += bytes
            (rows, size) = (pieces.rows, pieces.bytes)
            waiting[key] = pieces
        }
        waitingBytes += bytes
        let hasRoom = open[key] != nil || open.count < Self.openFilesMax
        if hasRoom ? rows >= Self.writeRows : size >= Self.openBytes {
            try drain(key)
        } else if waitingBytes > Self.waitingBytesMax,
            let largest = waiting.max(by: { $0.value.bytes < $1.value.bytes })
        {
            try drain(largest.key)
        }
    }

    /// Writes what waits for a file to it.
    private func drain(_ key: Key) throws(WeirError) {
        guard let pieces = waiting.removeValue(forKey: key) else { return }
        waitingBytes -= pieces.bytes
        clock += 1
        if open[key] == nil {
            if open.count >= Self.openFilesMax, let idle = open.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                try finish(idle.key)
            }
            let directory = spec.fields.isEmpty ? dataLocation : "\(dataLocation)/\(folder(of: pieces.partition))"
            let name = names.next(node: pieces.node, type: key.type, transactionId: pieces.transactionId)
            let path = "\(directory)/\(name)"
            let writer = try ParquetFileWriter(schema: schema, to: try storage.create(path), settings: settings)
            open[key] = Open(writer: writer, path: path, partition: pieces.partition, lastUse: clock)
        }
        open[key]?.lastUse = clock
        guard let writer = open[key]?.writer else { return }
        try writer.write(pieces.batches.count == 1 ? pieces.batches[0] : ColumnBatch.concatenated(pieces.batches))
        if writer.writtenBytes >= targetFileBytes { try finish(key) }
    }

    /// The partition's path with every name short enough for a file system: 255 bytes are the common limit. A name that
    /// is cut keeps the hash of what it stood for; readers take partition values from manifests, never from paths.
    private func folder(of partition: [Scalar]) -> String {
        spec.path(for: partition).split(separator: "/").map { name in
            if name.utf8.count <= Self.folderNameMax { return String(name) }
            // An escaped path is plain ASCII.
            let cut = name.prefix(Self.folderNameMax - 9)
            let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
            return "\(cut)-\(String(hash, radix: 16))"
        }.joined(separator: "/")
    }

    private func finish(_ key: Key) throws(WeirError) {
        guard let file = open.removeValue(forKey: key) else { return }
        let written: ParquetFileSummary
        do throws(WeirError) {
            written = try file.writer.finish()
        } catch {
            // Nothing refers to it, and nobody else knows of it any more.
            file.writer.abandon()
            throw error
        }
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
        // Files that are open first: finishing them makes room for those that are not.
        for key in waiting.keys.filter({ open[$0] != nil }) { try drain(key) }
        for key in waiting.keys.sorted(by: { ($0.partition, $0.node) < ($1.partition, $1.node) }) { try drain(key) }
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
        waiting = [:]
        waitingBytes = 0
        finished = []
    }
}
