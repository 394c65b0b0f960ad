import Bytes
import ChangeEvents
import Columnar
import Expressions

/// A projection and a filter over change batches.
///
/// The filter is applied to new rows only. A new row that does not pass deletes the key's old row, so the table holds
/// exactly the rows that pass. Deletes always pass, since a source may send only their key.
public struct RowTransform: Sendable {
    /// The result's columns.
    public let schema: Schema
    /// Computes the columns of `schema`; a row for which an expression has no value is a failure with the reason.
    public let project: @Sendable (ColumnBatch) throws(WeirError) -> (rows: ColumnBatch, failures: [RowFailure])
    /// The rows that pass, ascending; nil when all do.
    public let select: (@Sendable (ColumnBatch) throws(WeirError) -> (rows: [Int32], failures: [RowFailure]))?

    public init(
        schema: Schema,
        project: @escaping @Sendable (ColumnBatch) throws(WeirError) -> (rows: ColumnBatch, failures: [RowFailure]),
        select: (@Sendable (ColumnBatch) throws(WeirError) -> (rows: [Int32], failures: [RowFailure]))? = nil
    ) {
        self.schema = schema
        self.project = project
        self.select = select
    }

    /// A change left out because an expression has no value for it.
    public struct Failure: Sendable, Equatable {
        public let offset: Int64
        public let reason: String
    }

    typealias Result = (batch: ChangeBatch, failures: [Failure], filtered: Int)

    /// The transformed changes, the events that failed, and the number of new rows that did not pass.
    ///
    /// - Parameter isKeyed: without a key a row that does not pass is simply left out.
    func apply(_ batch: ChangeBatch, isKeyed: Bool) throws(WeirError) -> Result {
        var failed: [Int64: String] = [:]
        var filtered = 0
        var current = batch
        if let select {
            let (passing, failures) = try select(batch.rows)
            for failure in failures where !batch.kind(failure.row).isRetraction {
                failed[batch.offset(failure.row)] = failure.reason
            }
            (current, filtered) = Self.filtered(batch, passing: passing, isKeyed: isKeyed)
            // A new row without an answer is a failure.
            filtered -= failed.count
        }
        let (rows, failures) = try project(current.rows)
        for failure in failures where !current.kind(failure.row).isRetraction {
            failed[current.offset(failure.row)] = failure.reason
        }
        var result = current.replacing(rows: rows)
        if !failed.isEmpty {
            let kept = (0..<result.count).filter { failed[result.offset($0)] == nil }
            result = result.gathered(kept.map { Int32($0) })
        }
        let list = failed.sorted { $0.key < $1.key }.map { Failure(offset: $0.key, reason: $0.value) }
        return (result, list, filtered)
    }

    private static func hasBefore(_ batch: ChangeBatch, _ row: Int) -> Bool {
        row > 0 && batch.kind(row) == .updateAfter && batch.kind(row - 1) == .updateBefore
    }

    /// - Returns: the batch without the new rows that do not pass, and their number.
    private static func filtered(_ batch: ChangeBatch, passing: [Int32], isKeyed: Bool) -> (ChangeBatch, Int) {
        if passing.count == batch.count { return (batch, 0) }
        var passes = [Bool](repeating: false, count: batch.count)
        for row in passing { passes[Int(row)] = true }
        var rows: [Int32] = []
        var (kinds, marks): ([UInt8], [UInt8]) = ([], [])
        var count = 0
        let earlier = batch.filterDeletes?.values(as: UInt8.self)
        func append(_ row: Int, _ kind: ChangeKind, isMade: Bool = false) {
            rows.append(Int32(row))
            kinds.append(kind.rawValue)
            marks.append(isMade ? 1 : earlier?[row] ?? 0)
        }
        for row in 0..<batch.count {
            switch batch.kind(row) {
            case .insert, .updateAfter:
                if passes[row] {
                    append(row, batch.kind(row))
                } else {
                    count += 1
                    if isKeyed, !Self.hasBefore(batch, row) { append(row, .delete, isMade: true) }
                }
            case .updateBefore:
                // Kept before a new row that passes; otherwise the old row becomes the delete.
                let isKept = row + 1 < batch.count && batch.kind(row + 1) == .updateAfter && passes[row + 1]
                if isKept {
                    append(row, .updateBefore)
                } else if isKeyed {
                    append(row, .delete, isMade: true)
                }
            case .delete: append(row, .delete)
            }
        }
        let gathered = batch.gathered(rows)
        let result = ChangeBatch(
            rows: gathered.rows,
            kinds: Buffer(copying: kinds),
            offsets: gathered.offsets,
            filterDeletes: Buffer(copying: marks)
        )
        return (result, count)
    }
}
