import Bytes
import ChangeEvents
import Columnar
import MixedTables

/// Joins the changes of one target with the rows of a dimension table. Used by the writing thread.
final class JoinStage {
    let plan: IngestPlan.Join
    let sink: SinkTable
    let dimension: LiveDimension
    private let keyIndices: [Int]
    private let combined: Schema
    private let textBytes: Int

    /// - Parameters:
    ///   - dimension: must be loaded.
    ///   - target: the columns of the stream.
    ///   - textBytes: approximate bytes of dimension text that a column of a joined batch may hold.
    init(
        _ plan: IngestPlan.Join,
        target: Schema,
        sink: SinkTable,
        dimension: LiveDimension,
        textBytes: Int = ColumnBatch.usualTextBytes
    ) throws(WeirError) {
        self.plan = plan
        self.textBytes = textBytes
        self.sink = sink
        self.dimension = dimension
        var indices: [Int] = []
        for name in plan.keyColumns {
            guard let index = target.index(named: name) else {
                throw WeirError(
                    .notFound,
                    "join \(plan.name) reads column '\(name)', which its stream does not have",
                    advice: NearestName.advice(for: name, among: target.fields.map(\.name))
                )
            }
            indices.append(index)
        }
        keyIndices = indices
        combined = Schema(target.fields + dimension.schema.fields)
    }

    /// `filtered` counts new rows that an inner join left out.
    typealias Joined = RowTransform.Result

    /// Joins the rows with the dimension's rows in memory. Returns several batches when one would be too large.
    func apply(_ batch: ChangeBatch) throws(WeirError) -> [Joined] {
        var parts: [Joined] = []
        var start = 0
        repeat {
            let rest = batch.sliced(from: start, count: batch.count - start)
            let keys = keyIndices.map { rest.rows.columns[$0] }
            let (matches, found) = try dimension.lookup(keys, count: rest.count, textBytes: textBytes)
            let count = rest.wholeChanges(matches.count)
            let part = rest.sliced(from: 0, count: count)
            let columns = part.rows.columns + matches.sliced(from: 0, count: count).columns
            let rows = ColumnBatch(schema: combined, columns: columns, count: count)
            parts.append(try select(part.replacing(rows: rows), Array(found.prefix(count))))
            start += count
        } while start < batch.count
        return parts
    }

    private func select(_ joined: ChangeBatch, _ found: [Bool]) throws(WeirError) -> Joined {
        var joined = joined
        let isKeyed = plan.table.isKeyed
        var left = 0
        if plan.isInner && found.contains(false) {
            left = found.indices.count { !found[$0] && !joined.kind($0).isRetraction }
            joined = Self.inner(joined, found, isKeyed: isKeyed)
        }
        var result = try plan.select.apply(joined, isKeyed: isKeyed)
        result.filtered += left
        return result
    }

    /// Drops rows without a match. In a keyed table a new row without a match becomes a delete of the key's old row, as
    /// in a filter.
    private static func inner(_ batch: ChangeBatch, _ found: [Bool], isKeyed: Bool) -> ChangeBatch {
        if !isKeyed { return batch.gathered(found.indices.filter { found[$0] }.map { Int32($0) }) }
        let kinds = Buffer.filled(count: batch.count) { target in
            for row in 0..<batch.count {
                var kind = batch.kind(row)
                if !found[row], !kind.isRetraction { kind = .delete }
                target[row] = kind.rawValue
            }
        }
        let earlier = batch.filterDeletes?.values(as: UInt8.self)
        let marks = Buffer.filled(count: batch.count) { target in
            for row in 0..<batch.count {
                // The old row of an update that is left out is retracted for the same reason.
                let new = batch.kind(row) == .updateBefore && row + 1 < batch.count ? row + 1 : row
                let isLeftOut = !found[new] && !batch.kind(new).isRetraction
                target[row] = isLeftOut ? 1 : earlier?[row] ?? 0
            }
        }
        return ChangeBatch(rows: batch.rows, kinds: kinds, offsets: batch.offsets, filterDeletes: marks)
    }
}

extension ChangeBatch {
    /// Consecutive changes without a copy.
    fileprivate func sliced(from start: Int, count: Int) -> ChangeBatch {
        if start == 0 && count == self.count { return self }
        return ChangeBatch(
            rows: rows.sliced(from: start, count: count),
            kinds: kinds.slice(from: start, count: count),
            offsets: offsets.slice(from: start * 8, count: count * 8),
            filterDeletes: filterDeletes?.slice(from: start, count: count)
        )
    }

    /// How many of the first rows can form a batch. The rows of one record stay together if possible, the two rows of
    /// an update always.
    ///
    /// - Parameter most: the maximum, which is at least two or `count`.
    fileprivate func wholeChanges(_ most: Int) -> Int {
        if most == count { return most }
        if let whole = (1...most).last(where: { offset($0) != offset($0 - 1) }) { return whole }
        return kind(most - 1) == .updateBefore ? most - 1 : most
    }
}
