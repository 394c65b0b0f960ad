import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables

/// The keys a table holds, and which state of the table they are from: what a writer needs before it can write, and what it
/// leaves to the one that writes the table next in this process.
public struct TableKeys: Sendable {
    var index = KeyIndex()
    var partitions: PartitionDictionary
    /// The state the keys are from. Those of a writer hold what it has committed since, too.
    public private(set) var point: ReadPoint
    /// Keys read from the table, all in all.
    public private(set) var loaded = 0

    /// Reads the keys of a keyed table.
    ///
    /// - Parameter check: called now and then; what it throws ends the loading.
    public init(_ table: MixedTable, check: () throws(WeirError) -> Void = {}) throws(WeirError) {
        guard let change = table.change else { preconditionFailure("an unkeyed table has no change store") }
        partitions = PartitionDictionary(spec: change.spec, schema: change.schema)
        point = ReadPoint(current: table)
        loaded = try index.load(from: table, partitions: &partitions, check: check)
    }

    /// Has the keys of the table as it is now.
    ///
    /// Ended half-way, as by `check`, it may be called again.
    ///
    /// - Parameter own: data sequence numbers of commits whose keys are in already.
    public mutating func catchUp(
        with table: MixedTable,
        except own: Set<Int64>,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) {
        let isSameLayout = table.change.map { $0.spec == partitions.spec } ?? false
        switch isSameLayout ? CatchUp(from: point, to: table, except: own) : .reload("it is partitioned otherwise") {
        case .nothing: break
        case .changes(let ranges):
            do throws(WeirError) {
                for range in ranges { try take(range, of: table, check: check) }
            } catch  where error.code == .notFound {
                // Another engine has expired some of the changes.
                try reload(table, check: check)
            }
        case .reload: try reload(table, check: check)
        }
        point = ReadPoint(current: table)
    }

    private mutating func reload(_ table: MixedTable, check: () throws(WeirError) -> Void) throws(WeirError) {
        let before = loaded
        self = try TableKeys(table, check: check)
        loaded += before
    }

    /// Takes in what other engines have done to base; see `KeyIndex.follow`.
    mutating func follow(from old: Table, to table: MixedTable) throws(WeirError) -> Int {
        let doubled = try index.follow(from: old, to: table, partitions: &partitions)
        point = point.with(base: table.base)
        return doubled
    }

    private mutating func take(
        _ range: ClosedRange<Int64>,
        of table: MixedTable,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        let sources = Set(partitions.spec.fields.map(\.sourceId))
        let keyIds = Set(table.primaryKey.map(\.id))
        let others = table.schema.fields.filter { sources.contains($0.id) && !keyIds.contains($0.id) }
        let scan = try ChangeLogScan(
            table,
            after: range.lowerBound - 1,
            upTo: range.upperBound,
            columns: Schema(table.primaryKey + others)
        )
        let width = table.primaryKey.count
        try scan.forEach { (batch) throws(WeirError) in
            try check()
            let ordinals = try partitions.ordinals(of: batch.rows)
            let keys = Array(batch.rows.columns.prefix(width))
            index.apply(
                KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow),
                isGone: { batch.kind($0).isRetraction },
                partitions: ordinals
            )
            loaded += batch.count
            return true
        }
    }
}
