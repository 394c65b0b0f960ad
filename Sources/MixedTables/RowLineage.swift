import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// The columns of base files that say which row a row is, in format version 3 (Iceberg spec, "Row Lineage").
///
/// A row that is new to the table has nulls and gets both values by inheritance. A row that is moved to another file
/// keeps both; one that replaces another keeps its id and gets the commit's sequence number.
public enum RowLineage {
    /// A row's id: while null, the file's first row id and the row's position.
    public static let rowId = Field(id: 2_147_483_540, name: "_row_id", type: .long)
    /// The commit that wrote the row's values: while null, the file's data sequence number.
    public static let lastUpdated = Field(id: 2_147_483_539, name: "_last_updated_sequence_number", type: .long)
    public static let fields = [rowId, lastUpdated]

    static func isKept(by table: Table) -> Bool { table.metadata.formatVersion > 2 }

    /// The columns of files that hold rows of base: those of the table and, in version 3, the lineage.
    static func schema(of table: MixedTable) -> Schema {
        isKept(by: table.base) ? Schema(table.schema.fields + fields) : table.schema
    }

    /// Refuses columns whose names the lineage takes.
    static func check(_ schema: Schema) throws(WeirError) {
        guard let taken = fields.first(where: { schema.field(named: $0.name) != nil }) else { return }
        throw WeirError(
            .invalid,
            "column '\(taken.name)' has a name that format version 3 takes for itself",
            advice: "name it differently, or use format version 2"
        )
    }

    /// A batch of a base file with inherited values in place of nulls. Rows of a file without a first row id have none.
    ///
    /// - Parameter firstRow: the position of the batch in the file.
    static func inherited(
        _ batch: ColumnBatch,
        firstRow: Int64,
        _ file: DataFile,
        dataSequenceNumber: Int64
    ) -> ColumnBatch {
        var batch = batch
        if let index = batch.schema.index(ofField: rowId.id) {
            let first = file.firstRowId
            batch = batch.replacing(index) { row in first.map { $0 &+ firstRow &+ Int64(row) } }
        }
        if let index = batch.schema.index(ofField: lastUpdated.id) {
            let number = file.firstRowId == nil ? nil : dataSequenceNumber
            batch = batch.replacing(index) { _ in number }
        }
        return batch
    }
}

/// The row ids of rows that were taken away, by key, for the rows that come in their place.
struct SupersededRowIds {
    private var ids: [UInt128: Int64] = [:]

    mutating func set(_ key: UInt128, _ id: Int64) { ids[key] = id }

    /// A batch of new rows with the ids of the rows that they replace. An id is given to one row.
    ///
    /// - Parameter keys: of the batch's rows; called when it is needed.
    mutating func giveIds(to batch: ColumnBatch, keys: () -> KeyFingerprints) -> ColumnBatch {
        guard !ids.isEmpty, let index = batch.schema.index(ofField: RowLineage.rowId.id) else { return batch }
        let prints = keys()
        return batch.replacing(index) { row in ids.removeValue(forKey: prints[row]) }
    }
}

extension ColumnBatch {
    /// The batch with other values where a column of longs is null; nil keeps the null.
    fileprivate func replacing(_ index: Int, _ value: (Int) -> Int64?) -> ColumnBatch {
        let old = columns[index]
        if old.nullCount == 0 { return self }
        let known = old.pointer(as: Int64.self)
        var nulls: [Int] = []
        let values = Buffer.filled(count: count * 8) { target in
            for row in 0..<count {
                let found = old.isNull(row) ? value(row) : known[row]
                if found == nil { nulls.append(row) }
                target.storeBytes(of: found ?? 0, toByteOffset: row * 8, as: Int64.self)
            }
        }
        let validity =
            nulls.isEmpty
            ? nil
            : Buffer.filled(count: Bitmap.byteCount(count)) { target in
                target.initializeMemory(as: UInt8.self, repeating: 0xff)
                guard let base = target.baseAddress else { return }
                for row in nulls { Bitmap.clear(base, row) }
            }
        var all = columns
        all[index] = ColumnVector(type: .long, count: count, validity: validity, values: values)
        return ColumnBatch(schema: schema, columns: all, count: count)
    }
}
