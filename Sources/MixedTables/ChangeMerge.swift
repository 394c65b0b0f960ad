import Bytes
import ChangeEvents
import Columnar
import IcebergTables
import KeyedState
import ObjectStorage

/// Merges the insert and delete files of one commit by file offset (spec section 4.7).
///
/// Only a limited number of files are open at a time, whatever the number of files in the commit.
///
/// Smaller offsets come first. A delete and an insert of one key with the same offset are the two halves of an update.
/// A delete alone is a delete, an insert alone an insert.
final class ChangeMerge {
    private let schema: Schema
    private let cursors: [ChangeFileCursor]
    /// Cursors with rows left, as a binary heap ordered by (offset, deletes first).
    private var heap: [Int32] = []
    private var sources: [ColumnBatch] = []
    /// Changes left over when the previous batch reached its text limit.
    private var rest: Merged?
    private var sourceOfCursor: [Int32] = []

    private static let openFilesMax = OpenFileLimit.share(most: 32)

    init(
        _ files: [NodeTask.File],
        storage: any ObjectStorage,
        projection: TableProjection,
        schema: Schema,
        primaryKey: [Field],
        keysAreNarrow: Bool
    ) throws(WeirError) {
        self.schema = schema
        // All files share one memory budget and a few file descriptors.
        let batchRows = max(64, 262_144 / max(files.count, 1))
        let pool = ReaderPool(storage, openMax: Self.openFilesMax)
        var cursors: [ChangeFileCursor] = []
        for file in files.sorted(by: { $0.task.file.path < $1.task.file.path }) {
            let cursor = try ChangeFileCursor(
                file,
                pool: pool,
                columns: projection.columns(of: file),
                schema: schema,
                primaryKey: primaryKey,
                keysAreNarrow: keysAreNarrow,
                batchRows: min(batchRows, 65_536)
            )
            if try cursor.load() { cursors.append(cursor) }
        }
        self.cursors = cursors
        for index in cursors.indices { push(Int32(index)) }
    }

    /// The next changes; nil at the end.
    func next(rowsMax: Int) throws(WeirError) -> (rows: ColumnBatch, kinds: Buffer)? {
        if let rest { return try batch(rest) }
        if heap.isEmpty { return nil }
        sources = cursors.map(\.rows)
        sourceOfCursor = cursors.indices.map { Int32($0) }
        var picks: [RowPick] = []
        var kinds = GrowableBuffer(capacity: rowsMax + 16)
        picks.reserveCapacity(rowsMax + 16)
        var group: [Int32] = []
        while picks.count < rowsMax, let first = heap.first {
            let offset = cursors[Int(first)].offset
            group.removeAll(keepingCapacity: true)
            while let head = heap.first, cursors[Int(head)].offset == offset {
                group.append(head)
                pop()
            }
            emit(group, into: &picks, &kinds)
            for index in group {
                let cursor = cursors[Int(index)]
                if cursor.advance() {
                    push(index)
                } else if try cursor.load() {
                    sourceOfCursor[Int(index)] = Int32(sources.count)
                    sources.append(cursor.rows)
                    push(index)
                }
            }
        }
        let merged = Merged(sources: sources, picks: picks[...], kinds: kinds.finish())
        sources = []
        return try batch(merged)
    }

    /// Changes in order. Their values are still in the source batches.
    private struct Merged {
        let sources: [ColumnBatch]
        let picks: ArraySlice<RowPick>
        let kinds: Buffer
    }

    /// Returns the first changes, as many as fit into the text limit of a batch, and keeps the others for the next
    /// call.
    private func batch(_ merged: Merged) throws(WeirError) -> (rows: ColumnBatch, kinds: Buffer) {
        let picks = merged.picks
        var rows = try ColumnBatch.interleavedPrefix(merged.sources, schema: schema, picks: Array(picks))
        var count = rows.count
        if count < picks.count {
            // Keep the two halves of an update in one batch.
            if merged.kinds.values(as: UInt8.self)[count - 1] == ChangeKind.updateBefore.rawValue { count -= 1 }
            rows = rows.sliced(from: 0, count: count)
        }
        rest =
            count == picks.count
            ? nil
            : Merged(
                sources: merged.sources,
                picks: picks.dropFirst(count),
                kinds: merged.kinds.slice(from: count, count: picks.count - count)
            )
        return (rows, merged.kinds.slice(from: 0, count: count))
    }

    /// Emits the rows of one offset: almost always one row, or the two halves of an update.
    private func emit(_ group: [Int32], into picks: inout [RowPick], _ kinds: inout GrowableBuffer) {
        var inserts: [Int32] = []
        if group.count == 1 {
            let isDelete = cursors[Int(group[0])].isDelete
            append(group[0], isDelete ? .delete : .insert, &picks, &kinds)
            return
        }
        if group.count == 2, cursors[Int(group[0])].isDelete, !cursors[Int(group[1])].isDelete,
            cursors[Int(group[0])].key == cursors[Int(group[1])].key
        {
            append(group[0], .updateBefore, &picks, &kinds)
            append(group[1], .updateAfter, &picks, &kinds)
            return
        }
        // Several writers, each with its own counter, can use one offset for several keys.
        for index in group where !cursors[Int(index)].isDelete { inserts.append(index) }
        for index in group where cursors[Int(index)].isDelete {
            let key = cursors[Int(index)].key
            if let match = inserts.firstIndex(where: { cursors[Int($0)].key == key }) {
                append(index, .updateBefore, &picks, &kinds)
                append(inserts.remove(at: match), .updateAfter, &picks, &kinds)
            } else {
                append(index, .delete, &picks, &kinds)
            }
        }
        for index in inserts { append(index, .insert, &picks, &kinds) }
    }

    @inline(__always)
    private func append(
        _ index: Int32,
        _ kind: ChangeKind,
        _ picks: inout [RowPick],
        _ kinds: inout GrowableBuffer
    ) {
        picks.append(RowPick(source: sourceOfCursor[Int(index)], row: Int32(cursors[Int(index)].row)))
        kinds.append(kind.rawValue)
    }

    // MARK: The heap

    private func precedes(_ left: Int32, _ right: Int32) -> Bool {
        let a = cursors[Int(left)]
        let b = cursors[Int(right)]
        if a.offset != b.offset { return a.offset < b.offset }
        if a.isDelete != b.isDelete { return a.isDelete }
        return left < right
    }

    private func push(_ index: Int32) {
        heap.append(index)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private func pop() {
        let last = heap.removeLast()
        if heap.isEmpty { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if precedes(heap[child], heap[least]) { least = child }
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// One change file read in order.
final class ChangeFileCursor {
    let isDelete: Bool
    private(set) var rows: ColumnBatch
    private(set) var row = 0
    private(set) var offset: Int64 = 0
    /// Nil after the file's last row.
    private var reader: ParquetFileReader?
    private let resultCount: Int
    private let keyColumns: [Int]
    private let keysAreNarrow: Bool
    private var offsets: ColumnVector
    private var offsetValues: UnsafePointer<Int64>
    private var fingerprints: KeyFingerprints = .narrow([])

    init(
        _ file: NodeTask.File,
        pool: ReaderPool,
        columns: FileColumns,
        schema: Schema,
        primaryKey: [Field],
        keysAreNarrow: Bool,
        batchRows: Int
    ) throws(WeirError) {
        isDelete = file.role.type == .equalityDelete
        resultCount = schema.count
        self.keysAreNarrow = keysAreNarrow
        var fields = schema.fields
        keyColumns = primaryKey.map { key in
            if let index = fields.firstIndex(where: { $0.id == key.id }) { return index }
            fields.append(key)
            return fields.count - 1
        }
        // A delete may hold only its key, so only key columns are required.
        let optional = fields.map { field in
            primaryKey.contains { $0.id == field.id } ? field : Field(id: field.id, name: field.name, type: field.type)
        }
        try file.task.file.requireReadable()
        reader = try ParquetFileReader(
            try pool.open(file.task.file.path),
            schema: Schema(optional + [ChangeColumns.fileOffset]),
            columns: columns,
            batchRows: batchRows
        )
        rows = .empty(schema)
        offsets = .nulls(.long, count: 0)
        offsetValues = offsets.pointer(as: Int64.self)
    }

    /// The key of the current row; needed only when two rows share an offset.
    var key: UInt128 { fingerprints[row] }

    /// Moves to the first row of the next batch; false at the end of the file.
    func load() throws(WeirError) -> Bool {
        while let (batch, _) = try reader?.next() {
            if batch.count == 0 { continue }
            rows = batch.selecting(Array(0..<resultCount))
            offsets = batch.columns[batch.columns.count - 1]
            offsetValues = offsets.pointer(as: Int64.self)
            let keys = keyColumns.map { batch.columns[$0] }
            fingerprints =
                keys.isEmpty
                ? .wide([]) : KeyFingerprints(keys, count: batch.count, areNarrow: keysAreNarrow)
            row = -1
            return advance()
        }
        reader = nil
        return false
    }

    /// Moves to the next row of the batch; false after its last row.
    @inline(__always)
    func advance() -> Bool {
        row += 1
        guard row < rows.count else { return false }
        // A file of another writer without offsets: inserts sort last, deletes first (spec section 4.1).
        offset = offsets.isNull(row) ? (isDelete ? 0 : .max) : offsetValues[row]
        return true
    }
}
