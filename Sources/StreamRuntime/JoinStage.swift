import Bytes
import ChangeEvents
import Columnar
import Lookups
import MixedTables

/// Joins the changes of one target with a dimension table and writes the result.
///
/// A row sees the dimension as of the last commit before its epoch began or, where the dimension has a LogStore, as of
/// what is in the log when the row is joined. Used by the writing thread.
final class JoinStage {
    let plan: IngestPlan.Join
    let sink: SinkTable
    private var dimension: DimensionTable
    private var table: MixedTable
    /// Nil without a LogStore, and until its first writer has begun.
    private var follower: LogStoreFollower?
    private let keyPlaces: [Int]
    private let combined: Schema

    /// Loads the dimension.
    init(_ plan: IngestPlan.Join, target: Schema, sink: SinkTable) throws(WeirError) {
        self.plan = plan
        self.sink = sink
        let table = try plan.dimension.refreshed()
        self.table = table
        dimension = try DimensionTable(table, columns: plan.dimensionColumns)
        follower = try plan.dimensionLog.flatMap { (log) throws(WeirError) in
            try LogStoreFollower(table, log: log.log, settings: log.settings)
        }
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

    /// Takes in what was committed to the dimension since, or all that its LogStore holds.
    func refresh() throws(WeirError) {
        guard let log = plan.dimensionLog else {
            table = try table.refreshed()
            return try dimension.refresh(from: table)
        }
        guard let follower else {
            // The log has not begun, or has lost too much: as far as the table is, the log may go on from there.
            table = try table.refreshed()
            try dimension.refresh(from: table)
            self.follower = try LogStoreFollower(table, log: log.log, settings: log.settings)
            return
        }
        while try !follower.isAtEnd(of: log.log) {
            guard try advance(follower, log) else { return }
        }
    }

    /// Takes in what the dimension's LogStore has got since; waits for nothing.
    private func catchUp() throws(WeirError) {
        guard let follower, let log = plan.dimensionLog else { return }
        _ = try advance(follower, log)
    }

    /// False when the dimension was loaded anew because the log had lost what comes next.
    private func advance(_ follower: LogStoreFollower, _ log: LogStoreInput) throws(WeirError) -> Bool {
        while true {
            switch try follower.next() {
            case .changes(let batches): for batch in batches { dimension.apply(batch) }
            case .idle: return true
            case .trimmed:
                try load(log)
                return false
            }
        }
    }

    private func load(_ log: LogStoreInput) throws(WeirError) {
        table = try table.refreshed()
        follower = try LogStoreFollower(table, log: log.log, settings: log.settings)
        dimension = try DimensionTable(table, columns: plan.dimensionColumns)
    }

    func apply(_ batch: ChangeBatch) throws(WeirError) -> (batch: ChangeBatch, failures: [RowTransform.Failure]) {
        try catchUp()
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
