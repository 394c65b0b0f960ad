import Bytes
import ChangeEvents
import Columnar
import MixedTables

/// Joins the changes of one target with the rows of a dimension table. Used by the writing thread.
final class JoinStage {
    let plan: IngestPlan.Join
    let sink: SinkTable
    let dimension: LiveDimension
    private let keyPlaces: [Int]
    private let combined: Schema

    /// - Parameters:
    ///   - dimension: loaded.
    ///   - target: the columns of the stream.
    init(
        _ plan: IngestPlan.Join,
        target: Schema,
        sink: SinkTable,
        dimension: LiveDimension
    ) throws(WeirError) {
        self.plan = plan
        self.sink = sink
        self.dimension = dimension
        var places: [Int] = []
        for name in plan.keyColumns {
            guard let place = target.index(named: name) else {
                throw WeirError(
                    .notFound,
                    "join \(plan.name) reads column '\(name)', which its stream does not have",
                    advice: NearestName.advice(for: name, among: target.fields.map(\.name))
                )
            }
            places.append(place)
        }
        keyPlaces = places
        combined = Schema(target.fields + dimension.schema.fields)
    }

    /// The rows with those of the dimension as it is in memory.
    func apply(_ batch: ChangeBatch) throws(WeirError) -> (batch: ChangeBatch, failures: [RowTransform.Failure]) {
        let keys = keyPlaces.map { batch.rows.columns[$0] }
        let (matches, found) = dimension.lookup(keys, count: batch.count)
        let rows = ColumnBatch(schema: combined, columns: batch.rows.columns + matches.columns, count: batch.count)
        var joined = batch.replacing(rows: rows)
        let isKeyed = plan.table.isKeyed
        if plan.isInner && found.contains(false) { joined = Self.inner(joined, found, isKeyed: isKeyed) }
        return try plan.select.apply(joined, isKeyed: isKeyed)
    }

    /// A new row without a match takes the key's old row away, as in a filter.
    private static func inner(_ batch: ChangeBatch, _ found: [Bool], isKeyed: Bool) -> ChangeBatch {
        if !isKeyed { return batch.gathered(found.indices.filter { found[$0] }.map { Int32($0) }) }
        let kinds = Buffer.filled(count: batch.count) { target in
            for row in 0..<batch.count {
                var kind = batch.kind(row)
                if !found[row], !kind.isRetraction { kind = .delete }
                target[row] = kind.rawValue
            }
        }
        return ChangeBatch(rows: batch.rows, kinds: kinds, offsets: batch.offsets)
    }
}
