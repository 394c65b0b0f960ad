import ChangeEvents
import Columnar

/// A change that the table cannot hold, identified by its row in the batch.
public struct RejectedChange: Sendable, Equatable {
    public let row: Int
    public let reason: String

    /// The changes that a table cannot hold, ordered by row: new rows with a null in a required column and, without a
    /// primary key, updates and deletes. Old rows may lack all columns but the key.
    ///
    /// - Parameter schema: of the table and of the batch.
    public static func all(in batch: ChangeBatch, schema: Schema, isKeyed: Bool) -> [RejectedChange] {
        var reasons: [Int: String] = [:]
        for (field, column) in zip(schema.fields, batch.rows.columns) where field.isRequired && column.validity != nil {
            for row in 0..<batch.count where column.isNull(row) && !batch.kind(row).isRetraction {
                reasons[row] = reasons[row] ?? "column '\(field.name)' is required and has no value"
            }
        }
        if !isKeyed {
            for row in 0..<batch.count where reasons[row] == nil {
                switch batch.kind(row) {
                case .insert, .updateBefore: continue
                case .updateAfter: reasons[row] = "an update cannot be applied: the table has no primary key"
                case .delete: reasons[row] = "a delete cannot be applied: the table has no primary key"
                }
            }
        }
        return reasons.sorted { $0.key < $1.key }.map { RejectedChange(row: $0.key, reason: $0.value) }
    }
}

extension ChangeBatch {
    /// The batch without rejected rows and without the old rows of rejected updates, so that their keys stay unchanged.
    public func without(_ rejected: [RejectedChange]) -> ChangeBatch {
        if rejected.isEmpty { return self }
        let rows = Set(rejected.map(\.row))
        let kept = (0..<count).filter { row in
            !rows.contains(row) && !(kind(row) == .updateBefore && rows.contains(row + 1))
        }
        return gathered(kept.map { Int32($0) })
    }
}
