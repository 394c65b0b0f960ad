import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState
import ObjectStorage

/// Writes rows into one Parquet file per partition, node and file type, starting a new file at the target size.
///
/// ```
/// write ─> rows that wait, as they came ─ enough for every file ─> sorted by file ─> open Parquet writers ─> finished
/// ```
/// `Limits` bounds all of it, whatever the number of partitions in an epoch. If rows go to more files than may be open,
/// rows wait longer. Then the files with the most rows are written, and the files that were idle longest are finished
/// to make room.
final class PartitionedFileWriter {
    /// Memory bounds of a writer, and thresholds for writing.
    struct Limits {
        /// Files that are open at a time. Each takes some tens of KiB even without rows, and a file descriptor.
        var openFiles = OpenFileLimit.share(most: 256)
        /// The budget of open files that all writers of the process share.
        var budget = OpenFileBudget.shared
        /// Bytes of unfinished row groups, over all open files. Above it, the largest row groups are ended early.
        var openBytes: Int64 = 64 << 20
        /// Waiting rows per file, on average, that start a write.
        var writeRows = 512
        /// Bytes of waiting rows, over all files.
        var waitingBytes = 64 << 20
        /// Up to this number of files, each may have large pages and dictionaries. With more files, both are small:
        /// columns of distinct values would fill the whole dictionary and be hashed for nothing, in every file.
        var largeFiles = 32
        /// Up to this number, files are finished one after another. More files are finished concurrently, since each
        /// waits for the disk.
        var fewFiles = 8
    }

    /// A target of rows: partition, node and file type, and its open file. Rows refer to it by its number.
    private struct Destination {
        let partition: [Scalar]
        let node: TreeNode
        let type: DataFileType
        let transactionId: Int64
        var open: Open?
    }

    private struct Open {
        let writer: ParquetFileWriter
        let path: String
        var lastUse: Int
    }

    private let storage: any ObjectStorage
    private let dataLocation: String
    private let spec: PartitionSpec
    private let schema: Schema
    private let columns: Schema
    private let metrics: MetricsConfig
    private let targetFileBytes: Int64
    private let settings: ParquetSettings
    private let nodeMask: Int32
    private let limits: Limits
    private var names: DataFileNames
    private var numbers: KeyTable<UInt64, UInt32> = KeyTable(filler: 0)
    private var destinations: [Destination] = []
    private var staged: StagedRows
    private var finished: [DataFile] = []
    private var finishedBytes: Int64 = 0
    private var openBytes: Int64 = 0
    private var openCount = 0
    private var clock = 0
    /// Rows written to all files.
    private(set) var rowCount: Int64 = 0

    /// - Parameters:
    ///   - dataLocation: the store's data folder.
    ///   - schema: of the files, which may have more columns than the table.
    ///   - columns: of the table.
    ///   - properties: of the table: they say which column statistics files get.
    ///   - nodes: how many nodes each partition has, a power of two.
    ///   - settings: of the files.
    ///   - limits: of memory.
    init(
        storage: any ObjectStorage,
        dataLocation: String,
        spec: PartitionSpec,
        schema: Schema,
        columns: Schema,
        properties: [String: String],
        nodes: Int,
        targetFileBytes: Int64,
        settings: ParquetSettings = ParquetSettings(),
        limits: Limits = Limits(),
        random: inout some RandomNumberGenerator
    ) {
        precondition(1...65536 ~= nodes && nodes & (nodes - 1) == 0, "a node count is a power of two, not \(nodes)")
        self.storage = storage
        self.dataLocation = dataLocation
        self.spec = spec
        self.schema = schema
        self.columns = columns
        metrics = MetricsConfig(properties: properties, schema: columns)
        self.targetFileBytes = targetFileBytes
        self.settings = settings
        self.limits = limits
        nodeMask = Int32(nodes - 1)
        names = DataFileNames(random: &random)
        staged = StagedRows(schema: schema)
    }

    /// Writes into one of the two stores of a table, with its properties.
    ///
    /// - Parameters:
    ///   - schema: of the files, which may have more columns than the table.
    ///   - nodes: how many nodes each partition has, a power of two.
    convenience init(_ store: Table, of table: MixedTable, schema: Schema, nodes: Int) {
        var random = SystemRandomness()
        self.init(
            storage: store.storage,
            dataLocation: store.dataLocation,
            spec: store.spec,
            schema: schema,
            columns: table.schema,
            properties: table.properties,
            nodes: nodes,
            targetFileBytes: table.targetFileBytes,
            settings: table.fileSettings,
            random: &random
        )
    }

    deinit { limits.budget.give(openCount, held: 0) }

    /// Approximate number of bytes in finished files, open files and waiting rows.
    var byteCount: Int64 { finishedBytes + openBytes + Int64(staged.byteCount) }

    /// Appends rows, each to the file of its partition, node and type.
    ///
    /// - Parameters:
    ///   - ordinals: the partition of each row, as a number that is unique within this writer.
    ///   - hashes: of each row's key; nil when there is one node.
    ///   - partition: returns the values of a partition number.
    func write(
        _ batch: ColumnBatch,
        partitions ordinals: [UInt32],
        hashes: [Int32]?,
        type: DataFileType,
        transactionId: Int64 = 0,
        partition: (UInt32) -> [Scalar]
    ) throws(WeirError) {
        if batch.count == 0 { return }
        precondition(ordinals.count == batch.count && hashes?.count ?? batch.count == batch.count, "one number a row")
        precondition(hashes != nil || nodeMask == 0, "rows of several nodes have hashes")
        try check(batch)
        // The waiting rows of a column are concatenated, and a column holds at most this much text.
        if staged.byteCount + batch.byteCount > Int(Int32.max) { try write(staged.waiting) }
        rowCount += Int64(batch.count)
        var files = [UInt32](repeating: 0, count: batch.count)
        var last: (code: UInt64, number: UInt32)?
        for row in 0..<batch.count {
            let node = hashes.map { $0[row] & nodeMask } ?? 0
            let code = UInt64(ordinals[row]) << 32 | UInt64(node) << 8 | type.code
            if let last, last.code == code {
                files[row] = last.number
                continue
            }
            let number: UInt32
            if let known = numbers.find(code) {
                number = known
            } else {
                number = UInt32(destinations.count)
                numbers.set(code, number)
                destinations.append(
                    Destination(
                        partition: partition(ordinals[row]),
                        node: TreeNode(mask: Int(nodeMask), index: Int(node)),
                        type: type,
                        transactionId: transactionId
                    )
                )
            }
            files[row] = number
            last = (code, number)
        }
        staged.append(batch, files: files)
        if staged.byteCount >= limits.waitingBytes {
            try write(staged.fileCount > limits.openFiles ? staged.largest : staged.waiting)
        } else if staged.rowCount >= limits.writeRows * staged.fileCount {
            try write(staged.waiting)
        }
    }

    /// Another engine may have widened a column's type since the caller read the table. Values of another type than the
    /// file's must not be written.
    private func check(_ batch: ColumnBatch) throws(WeirError) {
        for (field, column) in zip(schema.fields, batch.columns) where column.type != field.type {
            throw WeirError(
                .invalid,
                "column '\(field.name)' is \(field.type) in the table and \(column.type) in the rows for it",
                at: dataLocation,
                advice: "another engine may have changed the table: start again with the type it has now"
            )
        }
    }

    // MARK: Files

    /// Writes the waiting rows of some files.
    ///
    /// - Parameter isEnd: whether no more rows follow, so that written files need not stay open.
    private func write(_ chosen: [Int], isEnd: Bool = false) throws(WeirError) {
        if chosen.isEmpty { return }
        let taken = staged.take(chosen)
        // Files that are already open first: they need no room.
        let known = chosen.indices.filter { destinations[chosen[$0]].open != nil }
        let new = chosen.indices.filter { destinations[chosen[$0]].open == nil }
        for index in known + new { try append(taken.rows(of: index), to: chosen[index], isEnd: isEnd) }
        try boundRowGroups()
    }

    private func append(_ rows: ColumnBatch, to number: Int, isEnd: Bool = false) throws(WeirError) {
        clock += 1
        if destinations[number].open == nil {
            while openCount >= limits.openFiles || !limits.budget.take(held: openCount) {
                try makeRoom(isEnd ? openCount : max(1, openCount / 2))
            }
            do throws(WeirError) {
                destinations[number].open = try create(destinations[number])
            } catch {
                limits.budget.give(1, held: openCount)
                throw error
            }
            openCount += 1
        }
        destinations[number].open?.lastUse = clock
        guard let writer = destinations[number].open?.writer else { return }
        try writer.write(rows)
        if writer.writtenBytes >= targetFileBytes { try finish([number]) }
    }

    private func create(_ destination: Destination) throws(WeirError) -> Open {
        let directory = PartitionFolder.path(destination.partition, spec, in: dataLocation)
        let (node, type) = (destination.node, destination.type)
        let path = "\(directory)/\(names.next(node: node, type: type, transactionId: destination.transactionId))"
        var settings = self.settings
        if destinations.count > limits.largeFiles {
            settings.dictionaryBytes = min(settings.dictionaryBytes, 8 << 10)
            settings.pageBytes = min(settings.pageBytes, 32 << 10)
        }
        let writer = try ParquetFileWriter(schema: schema, to: try storage.create(path), settings: settings)
        return Open(writer: writer, path: path, lastUse: clock)
    }

    /// The numbers of open files, longest idle first.
    private var open: [Int] {
        destinations.indices.compactMap { number in destinations[number].open.map { (number, $0.lastUse) } }
            .sorted { $0.1 < $1.1 }.map(\.0)
    }

    private func makeRoom(_ count: Int) throws(WeirError) { try finish(Array(open.prefix(count))) }

    /// Once row groups of all open files exceed `Limits.openBytes`, ends the largest ones until half of that is left.
    private func boundRowGroups() throws(WeirError) {
        let writers = open.compactMap { destinations[$0].open?.writer }
        openBytes = writers.reduce(0) { $0 + $1.writtenBytes }
        var buffered = writers.reduce(0) { $0 + $1.bufferedBytes }
        if buffered <= limits.openBytes { return }
        for (writer, bytes) in writers.map({ ($0, $0.bufferedBytes) }).sorted(by: { $0.1 > $1.1 })
        where buffered > limits.openBytes / 2 {
            try writer.endRowGroup()
            buffered -= bytes
        }
    }

    /// Makes open files durable. Many files are finished concurrently: one after another they would take most of an
    /// epoch's time.
    private func finish(_ numbers: [Int]) throws(WeirError) {
        let closing = numbers.compactMap { number in destinations[number].open.map { (number: number, file: $0) } }
        for (number, _) in closing { destinations[number].open = nil }
        openCount -= closing.count
        // By then, files that failed to finish are closed as well.
        defer { limits.budget.give(closing.count, held: openCount) }
        let outcomes: [Result<ParquetFileSummary, WeirError>]
        if closing.count <= limits.fewFiles {
            outcomes = closing.map { Self.outcome(of: $0.file.writer) }
        } else {
            outcomes = try concurrently(closing.map(\.file.writer)) { (writer) throws(WeirError) in
                Self.outcome(of: writer)
            }
        }
        var failure: WeirError?
        for ((number, file), outcome) in zip(closing, outcomes) {
            switch outcome {
            case .success(let summary): add(file.path, summary, destinations[number].partition)
            case .failure(let error):
                file.writer.abandon()
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private static func outcome(of writer: ParquetFileWriter) -> Result<ParquetFileSummary, WeirError> {
        Result { () throws(WeirError) in try writer.finish() }
    }

    private func add(_ path: String, _ written: ParquetFileSummary, _ partition: [Scalar]) {
        // The `_file_offset` column of a change file is not a table column and gets no statistics.
        let summary = ParquetFileSummary(
            rowCount: written.rowCount,
            fileSize: written.fileSize,
            splitOffsets: written.splitOffsets,
            columns: written.columns.filter { columns.field(id: $0.field) != nil }
        )
        finished.append(DataFile(parquet: path, summary, partition: partition, specId: spec.id, metrics: metrics))
        finishedBytes += written.fileSize
    }

    /// Finishes every file; all of them are durable when this returns.
    func finish() throws(WeirError) -> [DataFile] {
        try write(staged.waiting, isEnd: true)
        try finish(open.sorted())
        defer { reset() }
        return finished
    }

    /// Abandons all files, including finished ones, which nothing refers to yet.
    func abandon() {
        for number in open { destinations[number].open?.writer.abandon() }
        limits.budget.give(openCount, held: 0)
        openCount = 0
        for file in finished { try? storage.delete(file.path) }
        reset()
    }

    private func reset() {
        numbers = KeyTable(filler: 0)
        destinations = []
        staged.removeAll()
        finished = []
        (finishedBytes, openBytes, openCount) = (0, 0, 0)
    }
}

extension DataFileType {
    /// A number that stands for the type.
    fileprivate var code: UInt64 {
        switch self {
        case .base: 0
        case .insert: 1
        case .equalityDelete: 2
        case .positionDelete: 3
        case .icebergEqualityDelete: 4
        case .log: 5
        }
    }
}

/// The system's random numbers from a generator that has a stored property. An empty generator has no address, and
/// ThreadSanitizer reads from the address it is passed.
private struct SystemRandomness: RandomNumberGenerator {
    private var drawn: UInt64 = 0

    mutating func next() -> UInt64 {
        drawn += 1
        return .random(in: .min ... .max)
    }
}
