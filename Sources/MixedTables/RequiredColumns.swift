import ChangeEvents
import Columnar

/// Holds new rows against the columns a table requires.
public enum RequiredColumns {
    /// The new rows that have a null where the table allows none. Old rows may lack everything but their key.
    public static func rejected(_ batch: ChangeBatch, _ schema: Schema) -> [RejectedChange] {
        var rejected: [Int: String] = [:]
        for (field, column) in zip(schema.fields, batch.rows.columns) where field.isRequired && column.validity != nil {
            for row in 0..<batch.count where column.isNull(row) && !batch.kind(row).isRetraction {
                rejected[row] = rejected[row] ?? "column '\(field.name)' is required and has no value"
            }
        }
        return rejected.sorted { $0.key < $1.key }.map { RejectedChange(row: $0.key, reason: $0.value) }
    }

    /// The batch without rejected rows and the old rows that belong to them: their keys keep what they have.
    public static func without(_ rejected: [RejectedChange], _ batch: ChangeBatch) -> ChangeBatch {
        if rejected.isEmpty { return batch }
        let rows = Set(rejected.map(\.row))
        let kept = (0..<batch.count).filter { row in
            !rows.contains(row) && !(batch.kind(row) == .updateBefore && rows.contains(row + 1))
        }
        return batch.gathered(kept.map { Int32($0) })
    }
}
