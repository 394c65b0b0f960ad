import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Writes what one slice of changes does to base: new rows to base files, superseded rows to position deletes or, in
/// format version 3, deletion vectors.
///
/// The rows are those of a merge-on-read scan (spec section 5.3). A delete of the slice takes away the base rows of its
/// key that lie in the same partition and are of an older transaction; the key index knows where. New rows that no newer
/// delete of the slice takes away come to base; in version 3 they keep the id of the row of their key that they replace.
struct SliceMerge {
    /// Files that are written, and what becomes of those that are there.
    struct Result {
        var added: [DataFile] = []
        var deletes: [ChangedDeletes] = []
        /// Files without a row left, and those whose rows were written again.
        var retired: [UInt32] = []
        /// Keys whose rows were deleted.
        var removedKeys: [KeyFingerprints] = []
        var inserted: Int64 = 0
        var deleted: Int64 = 0
        var rewritten: Int64 = 0

        /// Files that were written and are not referenced yet.
        var written: [DataFile] { added + deletes.map(\.added) }
    }

    /// The new deletes of a data file.
    struct ChangedDeletes {
        let number: UInt32
        let added: DataFile
        /// Delete files whose rows are in `added` as well.
        let replaced: [DeleteFile]
        let kept: [DeleteFile]
        /// All deleted rows of the data file.
        let rows: DeletedRows
    }

    private let table: MixedTable
    private let slice: ChangeSlice
    private let keys: BaseKeys
    private let isKept: (String) -> Bool
    private var rewriteFileBytes = Int64.max
    private let check: () throws(WeirError) -> Void
    private let projection: TableProjection
    private let writer: PartitionedFileWriter
    private var deleteWriter: PositionDeleteWriter
    /// The columns of base files.
    private let fileSchema: Schema
    private var superseded: SupersededRows?
    /// Rows that the slice deletes, by file number.
    private var marks: [UInt32: DeletedRows] = [:]
    private var partitions = PartitionNumbers()
    private var result = Result()

    /// A file with more deleted rows than this gets another delete file, up to `deleteFilesMax`, unless much is new.
    private static let rewrittenDeletesMax = 131_072
    private static let deleteFilesMax = 4

    /// - Parameters:
    ///   - keys: of the table's base.
    ///   - rewriteBytes: how many bytes of base files may be rewritten on the way.
    ///   - rewriteFileBytes: larger files are not rewritten.
    ///   - isKept: whether a base file has to stay, even without a row, because it is being written anew.
    ///   - check: called for each batch; an error it throws ends the work.
    static func run(
        _ slice: ChangeSlice,
        of table: MixedTable,
        keys: BaseKeys,
        rewriteBytes: Int64,
        rewriteFileBytes: Int64 = .max,
        keeping isKept: @escaping (String) -> Bool = { _ in false },
        random: inout some RandomNumberGenerator,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> Result {
        try withoutActuallyEscaping(check) { (check) throws(WeirError) in
            var merge = try SliceMerge(slice, of: table, keys: keys, keeping: isKept, random: &random, check)
            merge.rewriteFileBytes = rewriteFileBytes
            do throws(WeirError) {
                return try merge.run(rewriteBytes, &random)
            } catch {
                merge.writer.abandon()
                for file in merge.result.written { try? table.base.storage.delete(file.path) }
                throw error
            }
        }
    }

    private init(
        _ slice: ChangeSlice,
        of table: MixedTable,
        keys: BaseKeys,
        keeping isKept: @escaping (String) -> Bool,
        random: inout some RandomNumberGenerator,
        _ check: @escaping () throws(WeirError) -> Void
    ) throws(WeirError) {
        self.isKept = isKept
        self.table = table
        self.slice = slice
        self.keys = keys
        self.check = check
        projection = try TableProjection(table)
        fileSchema = RowLineage.schema(of: table)
        superseded = RowLineage.isKept(by: table.base) ? SupersededRows() : nil
        writer = PartitionedFileWriter(
            table.base,
            of: table,
            schema: fileSchema,
            nodes: try table.baseBucketCount()
        )
        deleteWriter = PositionDeleteWriter(table.base, random: &random)
    }

    private mutating func run(
        _ rewriteBytes: Int64,
        _ random: inout some RandomNumberGenerator
    ) throws(WeirError) -> Result {
        // All look-ups come before anything is placed anew: a row may move to another partition.
        for file in slice.files { try findDeleted(by: file) }
        for (number, rows) in marks {
            result.deleted += Int64(rows.count)
            guard let file = keys.files[number], Int64(rows.count) == file.liveRows else { continue }
            if !isKept(file.file.path) { result.retired.append(number) }
        }
        try writeNewRows()
        result.inserted = writer.rowCount
        for number in rewriteChoice(rewriteBytes) {
            try rewrite(number)
            result.retired.append(number)
        }
        result.rewritten = writer.rowCount - result.inserted
        // Until both are done, a failure must remove what the other one has written.
        result.added = try writer.finish()
        result.retired.sort()
        if RowLineage.isKept(by: table.base) { try writeVectors(&random) } else { try writeDeletes() }
        return result
    }

    // MARK: Deletes

    /// Marks the base rows of the keys in a delete file.
    private mutating func findDeleted(by task: FileScanTask) throws(WeirError) {
        let role = FileRole.change(path: task.file.path, dataSequenceNumber: task.dataSequenceNumber)
        guard role.type == .equalityDelete, let change = table.change else { return }
        /// The deleted rows of the base files that the file's deletes apply to; nil for other files.
        var targets: [UInt32: DeletedRows?] = [:]
        let partition = PartitionKey(task.file)
        let reader = try DataFileReader.open(
            task.file,
            storage: change.storage,
            schema: table.keySchema,
            columns: projection.columns(of: NodeTask.File(task: task, role: role, isBase: false))
        )
        while let (batch, _) = try reader.next() {
            try check()
            let prints = keys.fingerprints(batch.columns, count: batch.count)
            var hits: [Int32] = []
            keys.forEachPlace(of: prints) { row, place in
                let known = targets[place.file]
                let target = known ?? self.target(place.file, of: role, in: partition)
                if known == nil { targets[place.file] = .some(target) }
                guard let target, !target.contains(place.row) else { return }
                marks[place.file, default: DeletedRows()].insert(place.row)
                superseded?.note(prints[row], place)
                hits.append(Int32(row))
            }
            if !hits.isEmpty { result.removedKeys.append(prints.gathered(hits)) }
        }
    }

    /// The deleted rows of a base file, if deletes of a change file apply to it.
    private func target(_ number: UInt32, of role: FileRole, in partition: PartitionKey) -> DeletedRows? {
        guard let base = keys.files[number], PartitionKey(base.file) == partition,
            base.role.transactionId < role.transactionId, base.role.node.overlaps(role.node)
        else { return nil }
        return base.deleted
    }

    private mutating func writeDeletes() throws(WeirError) {
        var changes: [(number: UInt32, file: BaseFile, rows: DeletedRows, replaced: [DeleteFile])] = []
        var jobs: [PositionDeleteWriter.Job] = []
        let retired = Set(result.retired)
        for (number, new) in marks.sorted(by: { $0.key < $1.key }) where !retired.contains(number) {
            guard let file = keys.files[number] else { continue }
            var rows = file.deleted
            rows.formUnion(new)
            let own = file.ownDeletes
            // Writing all rows again keeps one delete file per data file, which readers open fastest; for many rows and
            // few new ones it costs too much.
            let isWholeSmall = rows.count <= Self.rewrittenDeletesMax || new.count * 8 >= rows.count
            let replaces = !own.isEmpty && (isWholeSmall || own.count >= Self.deleteFilesMax)
            jobs.append(
                deleteWriter.job(replaces ? rows : new, of: file.file, transactionId: slice.transactionId)
            )
            changes.append((number, file, rows, replaces ? own : []))
        }
        let files = try PositionDeleteWriter.write(jobs, check: check)
        for (change, added) in zip(changes, files) {
            let replaced = Set(change.replaced.map(\.file.path))
            result.deletes.append(
                ChangedDeletes(
                    number: change.number,
                    added: added,
                    replaced: change.replaced,
                    kept: change.file.deletes.filter { !replaced.contains($0.file.path) },
                    rows: change.rows
                )
            )
        }
    }

    /// Format version 3: each data file has one vector, with all its deleted rows.
    private mutating func writeVectors(_ random: inout some RandomNumberGenerator) throws(WeirError) {
        let retired = Set(result.retired)
        var changes: [(number: UInt32, file: BaseFile, rows: DeletedRows)] = []
        for (number, new) in marks.sorted(by: { $0.key < $1.key }) where !retired.contains(number) {
            guard let file = keys.files[number] else { continue }
            var rows = file.deleted
            rows.formUnion(new)
            changes.append((number, file, rows))
        }
        let vectors = try DeletionVectorWriter.write(
            changes.map { DeletionVectorWriter.Job(file: $0.file.file, rows: $0.rows) },
            to: table.base,
            random: &random,
            check: check
        )
        for (change, vector) in zip(changes, vectors) {
            // Older position deletes that concern other files as well stay in the table, but readers ignore them here.
            result.deletes.append(
                ChangedDeletes(
                    number: change.number,
                    added: vector,
                    replaced: change.file.ownDeletes,
                    kept: [],
                    rows: change.rows
                )
            )
        }
    }

    // MARK: Rows

    /// Writes the new rows of the slice that survive its own deletes.
    private mutating func writeNewRows() throws(WeirError) {
        let base = table.base
        let plan = try NodeTaskPlan(base: [], change: slice.files, spec: base.spec)
        let reader = try DataFileReader(table: table, schema: fileSchema, filter: nil)
        var ids = try superseded?.ids(in: keys.files, of: table, projection, check: check)
        for task in plan.tasks {
            let deleted = try reader.deletedKeys(task, check: check)
            let number = number(of: task.partition)
            for file in task.dataFiles {
                _ = try reader.read(file, deleted: deleted) { (batch) throws(WeirError) in
                    try check()
                    let rows = ids?.giveIds(to: batch) { fingerprints(of: batch) } ?? batch
                    try write(rows, number, task.partition)
                    return true
                }
            }
        }
    }

    private func fingerprints(of batch: ColumnBatch) -> KeyFingerprints {
        keys.fingerprints(table.primaryKey.compactMap { batch.column(field: $0.id) }, count: batch.count)
    }

    private mutating func number(of partition: [Scalar]) -> UInt32 {
        partitions.number(of: PartitionKey(specId: table.base.spec.id, values: partition))
    }

    private func write(_ batch: ColumnBatch, _ partitionNumber: UInt32, _ partition: [Scalar]) throws(WeirError) {
        let keyColumns = table.primaryKey.compactMap { key in batch.column(field: key.id) }
        try writer.write(
            batch,
            partitions: [UInt32](repeating: partitionNumber, count: batch.count),
            hashes: KeyHash.hashes(of: keyColumns, count: batch.count),
            type: .base,
            transactionId: slice.transactionId,
            partition: { _ in partition }
        )
    }

    // MARK: Rewriting

    private func rewriteChoice(_ bytesMax: Int64) -> [UInt32] {
        if bytesMax <= 0 { return [] }
        let retired = Set(result.retired)
        let candidates = keys.files.all.compactMap { number -> RewriteChoice.Candidate? in
            guard let file = keys.files[number], !retired.contains(number), !isKept(file.file.path) else { return nil }
            return RewriteChoice.Candidate(
                number: number,
                bytes: file.file.fileSize,
                rows: file.file.recordCount,
                deletedRows: Int64(file.deleted.count + (marks[number]?.count ?? 0)),
                group: RewriteChoice.Group(partition: file.partition, node: file.role.node.id)
            )
        }
        return RewriteChoice(
            candidates,
            bytesMax: bytesMax,
            targetBytes: table.targetFileBytes,
            fileBytesMax: rewriteFileBytes
        ).numbers
    }

    /// Writes the remaining rows of a base file again.
    private mutating func rewrite(_ number: UInt32) throws(WeirError) {
        guard let file = keys.files[number] else { return }
        var deleted = file.deleted
        if let new = marks[number] { deleted.formUnion(new) }
        let partitionNumber = self.number(of: file.file.partition)
        let reader = try DataFileReader.open(
            file.file,
            storage: table.base.storage,
            schema: fileSchema,
            columns: projection.columns(ofBase: file.file)
        )
        while let (raw, firstRow) = try reader.next() {
            try check()
            let batch = RowLineage.inherited(
                raw,
                firstRow: firstRow,
                file.file,
                dataSequenceNumber: file.dataSequenceNumber
            )
            let rows = deleted.survivors(from: UInt32(clamping: firstRow), count: batch.count)
            if rows.isEmpty { continue }
            let kept = rows.count == batch.count ? batch : batch.gathered(rows)
            try write(kept, partitionNumber, file.file.partition)
        }
    }
}
