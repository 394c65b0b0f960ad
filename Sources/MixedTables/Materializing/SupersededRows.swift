import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Base rows that a materializing commit deletes, by key: a new row of the key takes over the row's id (format version 3).
struct SupersededRows {
    private var places: [UInt128: KeyPlace] = [:]

    /// Of several rows of a key, the first one is replaced.
    mutating func note(_ key: UInt128, _ place: KeyPlace) {
        if places[key] == nil { places[key] = place }
    }

    /// The ids of the rows. Of each file with such rows, the column of row ids is read up to the last of them; it is all
    /// nulls, which take nothing to decode, as long as the file's rows were new to the table.
    ///
    /// - Parameter check: called for each batch; an error it throws ends the reading.
    func ids(
        in files: BaseFiles,
        of table: MixedTable,
        _ projection: TableProjection,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> SupersededRowIds {
        var ids = SupersededRowIds()
        for (number, rows) in Dictionary(grouping: places, by: \.value.file).sorted(by: { $0.key < $1.key }) {
            guard let file = files[number] else { continue }
            let wanted = rows.sorted { $0.value.row < $1.value.row }
            let reader = try DataFileReader.open(
                file.file,
                storage: table.base.storage,
                schema: Schema([RowLineage.rowId]),
                columns: projection.columns(ofBase: file.file)
            )
            var next = 0
            while next < wanted.count, let (raw, firstRow) = try reader.next() {
                try check()
                let batch = RowLineage.inherited(
                    raw,
                    firstRow: firstRow,
                    file.file,
                    dataSequenceNumber: file.dataSequenceNumber
                )
                let column = batch.columns[0]
                let values = column.pointer(as: Int64.self)
                while next < wanted.count, Int64(wanted[next].value.row) < firstRow + Int64(batch.count) {
                    let row = Int(Int64(wanted[next].value.row) - firstRow)
                    if row >= 0, !column.isNull(row) { ids.set(wanted[next].key, values[row]) }
                    next += 1
                }
            }
        }
        return ids
    }
}
