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
    /// What the keys were read as.
    private let layout: Layout
    /// The state the keys are from. Those of a writer hold what it has committed since, too.
    public private(set) var point: ReadPoint
    /// Keys read from the table, all in all.
    public private(set) var loaded = 0

    /// What the number of a key, and that of a partition, depends on. Of a wider type the same key has another number.
    private struct Layout: Equatable, Sendable {
        let keys: [FieldType]
        let keysAreNarrow: Bool
        let spec: PartitionSpec?
        /// Types of the columns that partitions are made of.
        let sources: [FieldType?]

        init(_ table: MixedTable) {
            keys = table.primaryKey.map(\.type)
            keysAreNarrow = table.keysAreNarrow
            spec = table.change?.spec
            sources =
                table.change.map { change in
                    [change.schema, table.schema].flatMap { schema in
                        change.spec.fields.map { schema.field(id: $0.sourceId)?.type }
                    }
                } ?? []
        }

        /// Whether keys have the same numbers, and partitions of one spec, too.
        func hasTypes(of other: Layout) -> Bool {
            keys == other.keys && keysAreNarrow == other.keysAreNarrow
                && (spec != other.spec || sources == other.sources)
        }
    }

    /// Reads the keys of a keyed table.
    ///
    /// - Parameter check: called now and then; what it throws ends the loading.
    public init(_ table: MixedTable, check: () throws(WeirError) -> Void = {}) throws(WeirError) {
        guard let change = table.change else { preconditionFailure("an unkeyed table has no change store") }
        partitions = PartitionDictionary(spec: change.spec, schema: change.schema)
        layout = Layout(table)
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
        let isSame = Layout(table) == layout
        switch isSame ? CatchUp(from: point, to: table, except: own) : .reload("its key or its partitions are others") {
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
        guard Layout(table).hasTypes(of: layout) else {
            throw WeirError(
                .invalid,
                "another engine has changed the columns of the key of \(table.identifier), or of its partitions",
                advice: "start again with the types they have now"
            )
        }
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
