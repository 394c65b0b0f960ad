import Bytes
import ChangeEvents
import Columnar
import KeyedState

/// A table's rows with changes applied that are not yet in its change store, such as the tail of its LogStore.
public struct FreshScan: Sendable {
    /// The columns of the result, in order.
    public let schema: Schema
    private let scan: MergeOnReadScan
    private let filter: RowFilter?
    private let tail: [ChangeBatch]
    /// For each key in the tail: its last change, by batch and row, and whether it removes the row.
    private let last: KeyMap<LastChange>
    private let keyColumns: [Int]
    private let isNarrow: Bool

    private struct LastChange: BitwiseCopyable, Sendable {
        let batch: Int32
        let row: Int32
        let isGone: Bool
    }

    /// - Parameters:
    ///   - tail: the changes after the table's loaded state, in order, with all columns of the table.
    ///   - columns: as in `MergeOnReadScan`.
    ///   - filter: as in `MergeOnReadScan`.
    ///   - point: the state that the changes follow; nil for the table's loaded state.
    public init(
        _ table: MixedTable,
        tail: [ChangeBatch],
        columns: Schema? = nil,
        filter: RowFilter? = nil,
        at point: ReadPoint? = nil
    ) throws(WeirError) {
        schema = columns ?? table.schema
        self.filter = filter
        self.tail = tail
        isNarrow = table.isKeyed && table.keysAreNarrow
        keyColumns = table.primaryKey.compactMap { table.schema.index(ofField: $0.id) }
        scan = try MergeOnReadScan(table, columns: table.schema, filter: filter, at: point)
        var last = KeyMap(filler: LastChange(batch: 0, row: 0, isGone: true))
        if table.isKeyed {
            for (number, batch) in tail.enumerated() {
                last.update(Self.keys(of: batch.rows, keyColumns, isNarrow)) { row, change in
                    change = LastChange(batch: Int32(number), row: Int32(row), isGone: batch.kind(row).isRetraction)
                }
            }
        }
        self.last = last
    }

    /// Reads everything on the calling thread; the body returns false to stop.
    public func forEach(_ body: (ColumnBatch) throws(WeirError) -> Bool) throws(WeirError) {
        var goesOn = true
        try scan.forEachInOrder { (batch) throws(WeirError) in
            let kept = last.isEmpty ? batch : unchanged(batch)
            if kept.count > 0 { goesOn = try body(projected(kept)) }
            return goesOn
        }
        for (number, batch) in tail.enumerated() where goesOn {
            let rows = try newest(batch, number)
            if rows.count > 0 { goesOn = try body(projected(rows)) }
        }
    }

    public func count() throws(WeirError) -> Int {
        var rows = 0
        try forEach { (batch) throws(WeirError) in
            rows += batch.count
            return true
        }
        return rows
    }

    private func unchanged(_ batch: ColumnBatch) -> ColumnBatch {
        var chosen: [Int32] = []
        last.forEach(Self.keys(of: batch, keyColumns, isNarrow)) { row, change in
            if change == nil { chosen.append(Int32(row)) }
        }
        return chosen.count == batch.count ? batch : batch.gathered(chosen)
    }

    /// The rows of a tail batch that are the last change of their key and pass the filter.
    private func newest(_ batch: ChangeBatch, _ number: Int) throws(WeirError) -> ColumnBatch {
        var chosen: [Int32] = []
        if keyColumns.isEmpty {
            chosen = (0..<batch.count).filter { !batch.kind($0).isRetraction }.map { Int32($0) }
        } else {
            last.forEach(Self.keys(of: batch.rows, keyColumns, isNarrow)) { row, change in
                guard let change, change.batch == number, change.row == row, !change.isGone else { return }
                chosen.append(Int32(row))
            }
        }
        let rows = batch.rows.gathered(chosen)
        guard let filter else { return rows }
        return rows.gathered(try filter.select(rows))
    }

    private func projected(_ batch: ColumnBatch) -> ColumnBatch {
        let columns = schema.fields.compactMap { field in batch.schema.fields.firstIndex { $0.id == field.id } }
        return ColumnBatch(schema: schema, columns: columns.map { batch.columns[$0] }, count: batch.count)
    }

    private static func keys(of batch: ColumnBatch, _ columns: [Int], _ isNarrow: Bool) -> KeyFingerprints {
        KeyFingerprints(columns.map { batch.columns[$0] }, count: batch.count, areNarrow: isNarrow)
    }
}
