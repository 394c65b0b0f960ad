import Bytes
import ChangeEvents
import Columnar
import IcebergFormat
import IcebergTables

/// Writes the changes of a keyed table into its change store, one epoch after the other.
///
/// One instance is the only writer of the table within a topology, so all changes of a key share one counter per commit
/// (spec section 6.1, hazard). Not thread-safe: one thread writes at a time.
public final class KeyedTableWriter: TableWriter {
    private let table: MixedTable
    private let fileSchema: Schema
    private let keyColumns: [Int]
    private let bucketCount: Int
    private var index: KeyIndex
    private var partitions: PartitionDictionary
    private var files: PartitionedFileWriter?
    private var counter: Int64 = 0
    private var summary = EpochSummary()
    /// Base as the index knows it.
    private var base: Table
    /// Keys of this epoch's deletes that had nothing to take away.
    private var absentKeys: [ColumnBatch] = []
    private var absentBytes = 0

    /// Reads the keys the table holds. Fails when the table is unkeyed or its bucket count is not a power of two.
    public init(_ table: MixedTable) throws(WeirError) {
        guard let change = table.change else { preconditionFailure("an unkeyed table has no change store") }
        self.table = table
        base = table.base
        fileSchema = ChangeColumns.fileSchema(table.schema, primaryKey: table.primaryKey)
        keyColumns = table.primaryKey.compactMap { table.schema.index(ofField: $0.id) }
        bucketCount = try table.changeBucketCount()
        partitions = PartitionDictionary(spec: change.spec, schema: change.schema)
        index = KeyIndex()
        try index.load(from: table, partitions: &partitions)
    }

    /// Keys the table holds, with the changes written so far.
    public var keyCount: Int { index.count }

    public func write(_ changes: ChangeBatch) throws(WeirError) -> [RejectedChange] {
        let rejected = RejectedChange.all(in: changes, schema: table.schema, isKeyed: true)
        let batch = changes.without(rejected)
        let keys = keyColumns.map { batch.rows.columns[$0] }
        let fingerprints = KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
        let rowPartitions = try partitions.ordinals(of: batch.rows)
        let normalized = ChangeNormalizer(
            batch,
            fingerprints: fingerprints,
            partitions: rowPartitions,
            index: &index,
            counter: &counter
        )
        let hashes = KeyHash.hashes(of: keys, count: batch.count)
        let inserts = normalized.inserts
        let deletes = normalized.deletes
        try writeGroups(inserts.rows, inserts.partitions, hashes, .insert) { places in
            let rows = places.map { inserts.rows[Int($0)] }
            return batch.rows.gathered(rows).columns + [Self.offsetColumn(inserts.offsets, places)]
        }
        try writeGroups(deletes.rows, deletes.partitions, hashes, .equalityDelete) { places in
            let rows = places.map { deletes.rows[Int($0)] }
            let images = places.map { deletes.images[Int($0)] }
            let columns = batch.rows.columns.enumerated().map { place, column in
                (keyColumns.contains(place) ? rows : images).withUnsafeBufferPointer { column.gathered($0) }
            }
            return columns + [Self.offsetColumn(deletes.offsets, places)]
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

    /// Splits entries by partition and node and appends each part to its file.
    private func writeGroups(
        _ rows: [Int32],
        _ ordinals: [UInt32],
        _ hashes: [Int32],
        _ type: DataFileType,
        _ columns: ([Int32]) -> [ColumnVector]
    ) throws(WeirError) {
        if rows.isEmpty { return }
        let files = openFiles()
        let mask = Int32(bucketCount - 1)
        var groups: [UInt64: [Int32]] = [:]
        if partitions.values.count == 1 {
            // The common case without a dictionary access per row.
            var lists = [[Int32]](repeating: [], count: bucketCount)
            for place in rows.indices { lists[Int(hashes[Int(rows[place])] & mask)].append(Int32(place)) }
            for (bucket, list) in lists.enumerated() where !list.isEmpty { groups[UInt64(bucket)] = list }
        } else {
            for place in rows.indices {
                let bucket = UInt64(hashes[Int(rows[place])] & mask)
                groups[UInt64(ordinals[place]) << 32 | bucket, default: []].append(Int32(place))
            }
        }
        for (group, places) in groups.sorted(by: { $0.key < $1.key }) {
            let ordinal = UInt32(group >> 32)
            try files.write(
                ColumnBatch(schema: fileSchema, columns: columns(places), count: places.count),
                partition: partitions.values[Int(ordinal)],
                ordinal: ordinal,
                node: TreeNode(mask: Int(mask), index: Int(group & 0xffff_ffff)),
                type: type
            )
        }
    }

    private static func offsetColumn(_ offsets: [Int64], _ places: [Int32]) -> ColumnVector {
        let values = Buffer.filled(count: places.count * 8) { target in
            let out = target.baseAddress!.assumingMemoryBound(to: Int64.self)
            for (index, place) in places.enumerated() { out[index] = offsets[Int(place)] }
        }
        return ColumnVector(type: .long, count: places.count, validity: nil, values: values)
    }

    private func openFiles() -> PartitionedFileWriter {
        if let files { return files }
        guard let change = table.change else { preconditionFailure("an unkeyed table has no change store") }
        var random = SystemRandomNumberGenerator()
        let opened = PartitionedFileWriter(
            storage: change.storage,
            dataLocation: change.dataLocation,
            spec: change.spec,
            schema: fileSchema,
            columns: table.schema,
            properties: table.properties,
            targetFileBytes: table.targetFileBytes,
            settings: table.fileSettings,
            random: &random
        )
        files = opened
        return opened
    }

    public var pendingBytes: Int64 { (files?.byteCount ?? 0) + Int64(absentBytes) }

    /// Whether nothing was written since the last epoch ended.
    public var isBetweenEpochs: Bool { files == nil && summary == EpochSummary() }

    /// Whether others have committed to base since the index was last brought up to it: one look-up in the catalog.
    public func baseHasMoved() throws(WeirError) -> Bool {
        try base.catalog.metadataLocation(of: base.identifier) != base.metadataLocation
    }

    /// Takes the keys that other engines added to base, or removed, into the index. Between two epochs only.
    ///
    /// - Parameter table: as it is now, with every epoch of this writer committed.
    /// - Returns: keys that got a second row by it.
    public func follow(_ table: MixedTable) throws(WeirError) -> Int {
        precondition(isBetweenEpochs, "the rows of an epoch are told apart by one state of base")
        let doubled = try index.follow(from: base, to: table, partitions: &partitions)
        base = table.base
        return doubled
    }

    public func cut() throws(WeirError) -> Epoch {
        do {
            let epoch = Epoch(
                files: try files?.finish() ?? [],
                summary: summary,
                base: base,
                absentKeys: absentKeys
            )
            absentKeys = []
            absentBytes = 0
            files = nil
            counter = 0
            summary = EpochSummary()
            return epoch
        } catch {
            abandon()
            throw error
        }
    }

    public func abandon() {
        files?.abandon()
        files = nil
        absentKeys = []
        absentBytes = 0
    }
}
