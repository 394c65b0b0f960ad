import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Writes the changes of a keyed table into its change store, one epoch after another.
///
/// One instance is the only writer of the table within a topology, so all changes of a key share one counter per commit
/// (spec section 6.1, hazard). Not thread-safe: one thread writes at a time.
public final class KeyedTableWriter: TableWriter {
    private let table: MixedTable
    private let fileSchema: Schema
    private let keyColumns: [Int]
    private var held: TableKeys
    private var files: EpochFiles
    private var counter: Int64 = 0
    private var summary = EpochSummary()
    /// The state of base that the index reflects.
    private var base: Table
    /// Keys of this epoch's deletes that found no row.
    private var absentKeys: [ColumnBatch] = []
    private var absentBytes = 0

    /// Reads the table's keys, unless they are given. Fails when the bucket count is not a power of two.
    ///
    /// - Parameter keys: the keys of `table` at its loaded state.
    public init(_ table: MixedTable, keys: TableKeys? = nil) throws(WeirError) {
        guard let change = table.change else { preconditionFailure("an unkeyed table has no change store") }
        self.table = table
        base = table.base
        let fileSchema = ChangeColumns.fileSchema(table.schema, primaryKey: table.primaryKey)
        self.fileSchema = fileSchema
        keyColumns = table.primaryKey.compactMap { table.schema.index(ofField: $0.id) }
        let nodes = try table.changeBucketCount()
        files = EpochFiles { PartitionedFileWriter(change, of: table, schema: fileSchema, nodes: nodes) }
        if let keys { held = keys } else { held = try TableKeys(table) }
    }

    /// Number of keys in the table, with the changes written so far.
    public var keyCount: Int { held.index.count }

    /// Bytes of memory that they take.
    public var keyBytes: Int { held.index.byteCount }

    /// The keys with all changes written so far, for the next writer. This writer must not be used afterwards.
    public var keys: TableKeys { held }

    public func write(_ changes: ChangeBatch) throws(WeirError) -> [RejectedChange] {
        let rejected = RejectedChange.all(in: changes, schema: table.schema, isKeyed: true)
        let batch = changes.without(rejected)
        let keys = keyColumns.map { batch.rows.columns[$0] }
        let fingerprints = KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
        let rowPartitions = try held.partitions.ordinals(of: batch.rows)
        let normalized = ChangeNormalizer(
            batch,
            fingerprints: fingerprints,
            partitions: rowPartitions,
            index: &held.index,
            counter: &counter
        )
        held.index.trim()
        let hashes = KeyHash.hashes(of: keys, count: batch.count)
        let inserts = normalized.inserts
        let deletes = normalized.deletes
        if !inserts.rows.isEmpty {
            // Inserts are in batch order without repeats, so equal counts mean that all rows are inserts.
            let rows = inserts.rows.count == batch.count ? batch.rows : batch.rows.gathered(inserts.rows)
            try write(rows.columns, inserts.rows, inserts.offsets, inserts.partitions, hashes, .insert)
        }
        if !deletes.rows.isEmpty {
            let columns = batch.rows.columns.enumerated().map { index, column in
                (keyColumns.contains(index) ? deletes.rows : deletes.images).withUnsafeBufferPointer {
                    column.gathered($0)
                }
            }
            try write(columns, deletes.rows, deletes.offsets, deletes.partitions, hashes, .equalityDelete)
        }
        summary.inserts += inserts.rows.count
        summary.deletes += deletes.rows.count
        summary.redundantDeletes += normalized.redundantDeletes
        if !normalized.absent.isEmpty {
            let columns = keys.map { key in normalized.absent.withUnsafeBufferPointer { key.gathered($0) } }
            let absent = ColumnBatch(schema: table.keySchema, columns: columns, count: normalized.absent.count)
            absentKeys.append(absent)
            absentBytes += absent.byteCount
        }
        return rejected
    }

    /// Appends entries to the files of their partitions and nodes.
    ///
    /// - Parameters:
    ///   - rows: the batch row that holds each entry's key.
    ///   - hashes: the key hash of each batch row.
    private func write(
        _ columns: [ColumnVector],
        _ rows: [Int32],
        _ offsets: [Int64],
        _ partitions: [UInt32],
        _ hashes: [Int32],
        _ type: DataFileType
    ) throws(WeirError) {
        let numbers = Buffer.filled(count: offsets.count * 8) { target in
            offsets.withUnsafeBytes { target.copyMemory(from: $0) }
        }
        let offsetColumn = ColumnVector(type: .long, count: offsets.count, validity: nil, values: numbers)
        let known = held.partitions.values
        try files.opened().write(
            ColumnBatch(schema: fileSchema, columns: columns + [offsetColumn], count: rows.count),
            partitions: partitions,
            hashes: rows.map { hashes[Int($0)] },
            type: type,
            partition: { known[Int($0)] }
        )
    }

    public var pendingBytes: Int64 { files.byteCount + Int64(absentBytes) }

    /// Whether nothing was written since the last epoch ended.
    public var isBetweenEpochs: Bool { files.isEmpty && summary == EpochSummary() }

    /// Whether others may have changed keys of base since the index was last updated. Mostly costs one catalog look-up.
    ///
    /// Commits that only move rows, such as those that bring changes into base, are taken note of: they come often, and
    /// must not make the caller wait for its own commits.
    public func baseHasMoved() throws(WeirError) -> Bool {
        let now = try base.refreshed()
        if now.metadataLocation == base.metadataLocation { return false }
        guard now.metadata.currentSchemaId == base.metadata.currentSchemaId,
            case .none = try BaseChange(from: base, to: now)
        else { return true }
        _ = try held.follow(from: base, to: table.with(base: now))
        base = now
        return false
    }

    /// Updates the index with keys that other engines added to base or removed from it. Only between two epochs.
    ///
    /// - Parameter table: the current table, with every epoch of this writer committed.
    /// - Returns: number of keys that got a second row.
    public func follow(_ table: MixedTable) throws(WeirError) -> Int {
        precondition(isBetweenEpochs, "the rows of an epoch are told apart by one state of base")
        let doubled = try held.follow(from: base, to: table)
        base = table.base
        return doubled
    }

    public func cut() throws(WeirError) -> Epoch {
        defer { forgetAbsentKeys() }
        let epoch = Epoch(files: try files.cut(), summary: summary, base: base, absentKeys: absentKeys)
        counter = 0
        summary = EpochSummary()
        // Others may have come to need more memory while nothing was written here.
        held.index.trim()
        return epoch
    }

    public func abandon() {
        files.abandon()
        forgetAbsentKeys()
    }

    private func forgetAbsentKeys() {
        absentKeys = []
        absentBytes = 0
    }
}
