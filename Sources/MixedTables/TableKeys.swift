import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// The keys of a table and the table state they were read at. A writer needs them before it can write, and passes them
/// to the next writer of the table in this process.
public struct TableKeys: Sendable {
    var index: KeyIndex
    var partitions: PartitionDictionary
    /// The types that the keys were read with.
    private let layout: Layout
    /// The state that the keys were read at. The keys of a writer also include what it has committed since.
    public private(set) var point: ReadPoint
    /// Keys read from the table in total.
    public private(set) var loaded = 0

    /// What key fingerprints and partition numbers depend on. A key has another fingerprint in a wider type.
    private struct Layout: Equatable, Sendable {
        let keys: [FieldType]
        let keysAreNarrow: Bool
        let spec: PartitionSpec?
        /// Types of the partition source columns.
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

        /// Whether keys have the same fingerprints and, with the same spec, partitions have the same numbers.
        func hasTypes(of other: Layout) -> Bool {
            keys == other.keys && keysAreNarrow == other.keysAreNarrow
                && (spec != other.spec || sources == other.sources)
        }
    }

    /// Reads the keys of a keyed table.
    ///
    /// - Parameters:
    ///   - state: where they are besides memory; nil for nowhere. It is used by these keys and their copies alone.
    ///   - check: called periodically; an error it throws ends the loading.
    public init(
        _ table: MixedTable,
        state: KeyIndexState? = nil,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) {
        try self.init(table, KeyIndex(areNarrow: table.keysAreNarrow, state: state), check: check)
    }

    private init(
        _ table: MixedTable,
        _ empty: KeyIndex,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        guard let change = table.change else { preconditionFailure("an unkeyed table has no change store") }
        index = empty
        partitions = PartitionDictionary(spec: change.spec, schema: change.schema)
        layout = Layout(table)
        point = ReadPoint(current: table)
        loaded = try index.load(from: table, partitions: &partitions, check: check)
    }

    /// Updates the keys to the current state of the table.
    ///
    /// If it is interrupted, for example by `check`, it can be called again.
    ///
    /// - Parameter own: data sequence numbers of commits whose keys are already included.
    public mutating func catchUp(
        with table: MixedTable,
        except own: RangeSet<Int64>,
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
        self = try TableKeys(table, index.emptied(areNarrow: table.keysAreNarrow), check: check)
        loaded += before
    }

    /// Applies other engines' changes to base; see `KeyIndex.follow`.
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
