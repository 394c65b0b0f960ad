import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Writes the rows of one partition to new base files in the order in which they come, one series of files per node, and
/// says where each row went.
struct RewriteWriter {
    /// The file of a node that is being written.
    private struct Open {
        let writer: ParquetFileWriter
        let path: String
        let output: UInt32
        var rowCount: UInt32 = 0
        var lastUse = 0
    }

    /// Files that are open at a time. With more nodes a node may get several files.
    private static let openMax = 64

    private let table: MixedTable
    private let schema: Schema
    private let partition: [Scalar]
    private let spec: PartitionSpec
    private let transactionId: Int64
    private let limit: Int64
    private let mask: Int32
    private let metrics: MetricsConfig
    private let settings: ParquetSettings
    private var names: DataFileNames
    /// By the index of the node.
    private var open: [Int: Open] = [:]
    /// By output; nil for files that are being written.
    private var finished: [DataFile?] = []
    private var paths: [String] = []
    private var clock = 0

    /// - Parameters:
    ///   - nodes: how many nodes the rows are spread over, a power of two.
    ///   - fileBytes: the size at which a file ends.
    init(
        _ table: MixedTable,
        schema: Schema,
        partition: [Scalar],
        spec: PartitionSpec,
        nodes: Int,
        transactionId: Int64,
        fileBytes: Int64,
        random: inout some RandomNumberGenerator
    ) {
        self.table = table
        self.schema = schema
        self.partition = partition
        self.spec = spec
        self.transactionId = transactionId
        limit = max(1, fileBytes)
        mask = Int32(nodes - 1)
        metrics = MetricsConfig(properties: table.properties, schema: table.schema)
        settings = table.fileSettings
        names = DataFileNames(random: &random)
    }

    /// Writes rows of one old file.
    ///
    /// - Parameters:
    ///   - rows: their places in the old file, counted from `offset`; nil for all from there on.
    ///   - hashes: of each row's key; nil when there is one node.
    ///   - map: gets the new places.
    mutating func write(
        _ batch: ColumnBatch,
        rows: [Int32]?,
        offset: UInt32,
        hashes: [Int32]?,
        map: inout RowMap
    ) throws(WeirError) {
        guard let hashes, mask > 0 else {
            let (output, first) = try write(batch, node: 0)
            guard let rows else { return map.append(from: offset, count: batch.count, to: output, at: first) }
            return map.append(rows: rows, offset: offset, to: output, at: first)
        }
        let node = hashes[0] & mask
        if hashes.allSatisfy({ $0 & mask == node }) {
            let (output, first) = try write(batch, node: Int(node))
            guard let rows else { return map.append(from: offset, count: batch.count, to: output, at: first) }
            return map.append(rows: rows, offset: offset, to: output, at: first)
        }
        var picks: [Int: [Int32]] = [:]
        for row in 0..<batch.count { picks[Int(hashes[row] & mask), default: []].append(Int32(row)) }
        var places = [(output: UInt32, row: UInt32)](repeating: (0, 0), count: batch.count)
        for (node, picked) in picks.sorted(by: { $0.key < $1.key }) {
            let (output, first) = try write(batch.gathered(picked), node: node)
            for (index, row) in picked.enumerated() { places[Int(row)] = (output, first + UInt32(index)) }
        }
        for (row, place) in places.enumerated() {
            let old = offset + UInt32(rows?[row] ?? Int32(row))
            map.append(from: old, count: 1, to: place.output, at: place.row)
        }
    }

    private mutating func write(_ batch: ColumnBatch, node: Int) throws(WeirError) -> (output: UInt32, first: UInt32) {
        var file: Open
        if let known = open[node] {
            file = known
        } else {
            if open.count >= Self.openMax, let idle = open.min(by: { $0.value.lastUse < $1.value.lastUse })?.key {
                try finish(idle)
            }
            let folder = PartitionFolder.path(partition, spec, in: table.base.dataLocation)
            let tree = TreeNode(mask: Int(mask), index: node)
            let path = "\(folder)/\(names.next(node: tree, type: .base, transactionId: transactionId))"
            file = Open(
                writer: try ParquetFileWriter(
                    schema: schema,
                    to: try table.base.storage.create(path),
                    settings: settings
                ),
                path: path,
                output: UInt32(finished.count)
            )
            finished.append(nil)
            paths.append(path)
        }
        let first = file.rowCount
        clock += 1
        file.lastUse = clock
        open[node] = file
        try file.writer.write(batch)
        file.rowCount += UInt32(batch.count)
        open[node] = file
        if file.writer.writtenBytes >= limit || file.rowCount > UInt32.max / 2 { try finish(node) }
        return (file.output, first)
    }

    private mutating func finish(_ node: Int) throws(WeirError) {
        guard let file = open[node] else { return }
        let written = try file.writer.finish()
        open[node] = nil
        // Row lineage is no column of the table and gets no statistics.
        let summary = ParquetFileSummary(
            rowCount: written.rowCount,
            fileSize: written.fileSize,
            splitOffsets: written.splitOffsets,
            columns: written.columns.filter { table.schema.field(id: $0.field) != nil }
        )
        finished[Int(file.output)] = DataFile(
            parquet: file.path,
            summary,
            partition: partition,
            specId: spec.id,
            metrics: metrics
        )
    }

    /// Finishes all files, which are durable when this returns, in the order of their numbers.
    mutating func finish() throws(WeirError) -> [DataFile] {
        for node in open.keys.sorted() { try finish(node) }
        return finished.compactMap(\.self)
    }

    /// Removes all files.
    mutating func abandon() {
        for file in open.values { file.writer.abandon() }
        let unfinished = Set(open.values.map(\.path))
        open = [:]
        for path in paths where !unfinished.contains(path) { try? table.base.storage.delete(path) }
    }
}
