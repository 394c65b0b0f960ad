import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState
import ObjectStorage

/// Reads the data files of a scan without the rows that deletes removed.
struct DataFileReader: Sendable {
    private let table: MixedTable
    private let schema: Schema
    private let filter: RowFilter?
    private let projection: TableProjection
    private let positions: PositionDeletes
    private let equality: EqualityDeletes
    private let hasLineage: Bool
    /// The bounds that a wanted row shares with the other changes of its key.
    private let keyBounds: [RowFilter.Bound]

    init(table: MixedTable, schema: Schema, filter: RowFilter?) throws(WeirError) {
        self.table = table
        self.schema = schema
        self.filter = filter
        projection = try TableProjection(table)
        positions = PositionDeletes(storage: table.base.storage)
        equality = EqualityDeletes(table, projection)
        hasLineage = RowLineage.fields.contains { schema.index(ofField: $0.id) != nil }
        let keyFields = Set(table.primaryKey.map(\.id))
        keyBounds = filter?.bounds.filter { keyFields.contains($0.field) } ?? []
    }

    /// The newest delete of every key in a task's delete files.
    ///
    /// - Parameter check: called for each batch; an error it throws ends the reading.
    func deletedKeys(
        _ task: NodeTask,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> DeletedKeys {
        var deleted = DeletedKeys()
        guard let change = table.change else { return deleted }
        let schema = Schema(table.primaryKey + [ChangeColumns.fileOffset])
        for file in task.deleteFiles {
            let reader = try Self.open(
                file.task.file,
                storage: change.storage,
                schema: schema,
                columns: projection.columns(of: file),
                bounds: keyBounds
            )
            while let (batch, _) = try reader.next() {
                try check()
                let keys = Array(batch.columns.dropLast())
                let prints = KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
                let offsets = FileOffsets(batch.columns[keys.count], whenMissing: 0)
                deleted.insert(prints, transactionId: file.role.transactionId) { offsets[$0] }
            }
        }
        return deleted
    }

    /// Reads one file; false when the body asked to stop.
    func read(
        _ file: NodeTask.File,
        deleted: DeletedKeys,
        _ body: (ColumnBatch) throws(WeirError) -> Bool
    ) throws(WeirError) -> Bool {
        var wanted: [Int64]?
        if let filter, filter.isSelective, file.task.file.recordCount >= Self.searchedRowsMin {
            let found = try rows(of: file, passing: filter)
            if found.isEmpty { return true }
            wanted = found
        }
        let removedPositions = try positions.positions(for: file)
        let removedKeys = try equality.deletedKeys(for: file, isKeyed: table.isKeyed)
        var columns = ColumnSelection(schema)
        if let filter { try columns.add(fields: filter.fields, from: table.schema) }
        let keyColumns = deleted.isEmpty ? [] : columns.add(table.primaryKey)
        let offsetColumn = deleted.isEmpty || file.isBase ? nil : columns.add([ChangeColumns.fileOffset])[0]
        let removedColumns = removedKeys.map { columns.add($0.fields) }

        let reader = try Self.open(
            file.task.file,
            storage: storage(of: file),
            schema: columns.schema,
            columns: projection.columns(of: file),
            bounds: bounds(of: file),
            batchRows: wanted == nil ? Self.batchRows : Self.batchRowsOfFew
        )
        if let wanted { reader.keepRowGroups(with: wanted) }
        while let (raw, firstRow) = try reader.next() {
            var batch = raw
            if hasLineage, file.isBase { batch = inherited(raw, firstRow, file) }
            var rows: [Int32]?
            if let all = wanted {
                let left = all.drop { $0 < firstRow }
                guard !left.isEmpty else { break }
                let behind = firstRow + Int64(batch.count)
                let here = left.prefix { $0 < behind }
                if here.isEmpty { continue }
                rows = here.map { Int32($0 - firstRow) }
            }
            if !removedPositions.isEmpty {
                rows = Self.intersect(rows, removedPositions.survivors(firstRow: firstRow, count: batch.count))
            }
            if !deleted.isEmpty {
                let keys = keyColumns.map { batch.columns[$0] }
                let prints = KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
                let survivors: [Int32]
                if let offsetColumn {
                    let offsets = FileOffsets(batch.columns[offsetColumn], whenMissing: .max)
                    survivors = deleted.survivors(prints, transactionId: file.role.transactionId) { offsets[$0] }
                } else {
                    survivors = deleted.survivors(prints, transactionId: file.role.transactionId) { _ in .max }
                }
                rows = Self.intersect(rows, survivors)
            }
            for (removed, indices) in zip(removedKeys, removedColumns) {
                let keys = indices.map { batch.columns[$0] }
                let prints = KeyFingerprints(keys, count: batch.count, areNarrow: false)
                let survivors = removed.keys.survivors(
                    prints,
                    transactionId: file.task.dataSequenceNumber
                ) { _ in .max }
                rows = Self.intersect(rows, survivors)
            }
            guard let result = try project(batch, rows) else { continue }
            if try !body(result) { return false }
        }
        return true
    }

    /// Files with fewer rows are read at once.
    private static let searchedRowsMin: Int64 = 16_384
    private static let batchRows = 65_536
    /// For a file of which few rows are wanted: nothing is read behind the batch with the last of them.
    private static let batchRowsOfFew = 8_192

    /// The rows of a file that pass a filter, deleted ones included, by their index in the file.
    private func rows(of file: NodeTask.File, passing filter: RowFilter) throws(WeirError) -> [Int64] {
        var columns = ColumnSelection(Schema([]))
        try columns.add(fields: filter.fields, from: table.schema)
        let reader = try Self.open(
            file.task.file,
            storage: storage(of: file),
            schema: columns.schema,
            columns: projection.columns(of: file),
            bounds: bounds(of: file)
        )
        var found: [Int64] = []
        while let (batch, firstRow) = try reader.next() {
            for row in try filter.select(batch) { found.append(firstRow + Int64(row)) }
        }
        return found
    }

    private func storage(of file: NodeTask.File) -> any ObjectStorage {
        file.isBase ? table.base.storage : (table.change ?? table.base).storage
    }

    /// The bounds that exclude row groups of a file.
    private func bounds(of file: NodeTask.File) -> [RowFilter.Bound] {
        file.isBase ? filter?.bounds ?? [] : keyBounds
    }

    private func inherited(_ batch: ColumnBatch, _ firstRow: Int64, _ file: NodeTask.File) -> ColumnBatch {
        let task = file.task
        return RowLineage.inherited(
            batch,
            firstRow: firstRow,
            task.file,
            dataSequenceNumber: task.dataSequenceNumber
        )
    }

    /// Collects the row ids of a task's base rows that its deletes take away (format version 3).
    func collectSuperseded(
        _ task: NodeTask,
        into ids: inout SupersededRowIds,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        if task.deleteFiles.isEmpty { return }
        let deleted = try deletedKeys(task, check: check)
        for file in task.dataFiles where file.isBase {
            let gone = try positions.positions(for: file)
            let reader = try Self.open(
                file.task.file,
                storage: table.base.storage,
                schema: Schema(table.primaryKey + [RowLineage.rowId]),
                columns: projection.columns(of: file)
            )
            while let (raw, firstRow) = try reader.next() {
                try check()
                let batch = inherited(raw, firstRow, file)
                let prints = KeyFingerprints(
                    Array(batch.columns.dropLast()),
                    count: batch.count,
                    areNarrow: table.keysAreNarrow
                )
                let kept = deleted.survivors(prints, transactionId: file.role.transactionId) { _ in .max }
                if kept.count == batch.count { continue }
                var isSuperseded = [Bool](repeating: false, count: batch.count)
                for row in gone.survivors(firstRow: firstRow, count: batch.count) { isSuperseded[Int(row)] = true }
                for row in kept { isSuperseded[Int(row)] = false }
                let column = batch.columns[table.primaryKey.count]
                let values = column.pointer(as: Int64.self)
                for row in 0..<batch.count where isSuperseded[row] && !column.isNull(row) {
                    ids.set(prints[row], values[row])
                }
            }
        }
    }

    /// The surviving rows that pass the filter, with the columns of the result; nil when none is left.
    private func project(_ batch: ColumnBatch, _ rows: [Int32]?) throws(WeirError) -> ColumnBatch? {
        var kept = batch
        if let rows, rows.count < batch.count { kept = batch.gathered(rows) }
        if let filter {
            let passing = try filter.select(kept)
            if passing.count < kept.count { kept = kept.gathered(passing) }
        }
        if kept.count == 0 { return nil }
        return kept.schema.count == schema.count ? kept : kept.selecting(Array(0..<schema.count))
    }

    private static func intersect(_ left: [Int32]?, _ right: [Int32]) -> [Int32] {
        guard let left else { return right }
        var result: [Int32] = []
        var i = 0
        var j = 0
        while i < left.count, j < right.count {
            if left[i] == right[j] {
                result.append(left[i])
                i += 1
                j += 1
            } else if left[i] < right[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return result
    }

    static func open(
        _ file: DataFile,
        storage: any ObjectStorage,
        schema: Schema,
        columns: FileColumns,
        bounds: [RowFilter.Bound] = [],
        batchRows: Int = DataFileReader.batchRows
    ) throws(WeirError) -> ParquetFileReader {
        try file.requireReadable()
        return try ParquetFileReader(
            try storage.open(file.path),
            schema: schema,
            columns: columns,
            bounds: bounds,
            batchRows: batchRows
        )
    }
}

/// Columns to read: those of the result first, then those that only filters and deletes need.
private struct ColumnSelection {
    private(set) var schema: Schema

    init(_ schema: Schema) { self.schema = schema }

    /// The indices of the fields, which are added if missing.
    mutating func add(_ fields: [Field]) -> [Int] {
        fields.map { field in
            if let index = schema.index(ofField: field.id) { return index }
            schema = Schema(schema.fields + [field])
            return schema.count - 1
        }
    }

    mutating func add(fields ids: Set<Int>, from source: Schema) throws(WeirError) {
        for id in ids.sorted() {
            guard let field = source.field(id: id) else {
                throw WeirError(.notFound, "the filter reads column \(id), which the table does not have")
            }
            _ = add([field])
        }
    }
}

/// The `_file_offset` column, with a default for files of other writers that lack it (spec section 4.1).
private struct FileOffsets {
    private let column: ColumnVector
    private let values: UnsafePointer<Int64>
    private let missing: Int64

    init(_ column: ColumnVector, whenMissing missing: Int64) {
        self.column = column
        self.missing = missing
        values = column.pointer(as: Int64.self)
    }

    @inline(__always)
    subscript(row: Int) -> Int64 { column.isNull(row) ? missing : values[row] }
}
