import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// The keys that an epoch changes, and which rows of base its own deletes take away.
struct EpochKeys {
    /// The first change of a key in the epoch.
    private struct First: BitwiseCopyable, Sendable {
        /// `_file_offset`, and one bit that sorts the delete of an update before its insert.
        let order: UInt64
        /// The partition, by its number in `partitions`.
        let partition: UInt32

        var isDelete: Bool { order & 1 == 0 }
    }

    private var first = KeyMap(filler: First(order: .max, partition: 0))
    private var partitions = PartitionNumbers()
    private let specId: Int

    init(_ epoch: Epoch, _ table: MixedTable) throws(WeirError) {
        specId = table.ingestStore.spec.id
        // The epoch's own files have all key columns and offsets.
        let schema = Schema(table.primaryKey + [ChangeColumns.fileOffset])
        for file in epoch.files {
            let partition = partitions.number(of: PartitionKey(file))
            let bit: UInt64 = DataFileName(path: file.path)?.type == .equalityDelete ? 0 : 1
            let reader = try DataFileReader.open(
                file,
                storage: table.ingestStore.storage,
                schema: schema,
                columns: FileColumns()
            )
            while let (batch, _) = try reader.next() {
                let keys = Array(batch.columns.dropLast())
                let prints = KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
                let offsets = batch.columns[keys.count].pointer(as: Int64.self)
                first.update(prints) { row, known in
                    let order = UInt64(max(0, offsets[row])) << 1 | bit
                    if let known, known.order <= order { return }
                    known = First(order: order, partition: partition)
                }
            }
        }
        for batch in epoch.absentKeys {
            // The key's type may have been widened since the epoch was written.
            let keys = zip(batch.columns, table.primaryKey).map { $0.promoted(to: $1.type) ?? $0 }
            let prints = KeyFingerprints(keys, count: batch.count, areNarrow: table.keysAreNarrow)
            // Nothing of the epoch takes a row of these keys away.
            first.update(prints) { _, known in if known == nil { known = First(order: .max, partition: 0) } }
        }
    }

    /// The rows of keys that the epoch changes, and that stay although they should go. A key that the writer knew begins
    /// with a delete, which takes away every row in its partition.
    func rowsLeft(by keys: KeyFingerprints, in partition: [Scalar]) -> [Int32] {
        let number = partitions[PartitionKey(specId: specId, values: partition)]
        var rows: [Int32] = []
        first.forEach(keys) { row, change in
            guard let change else { return }
            if change.isDelete, change.partition == number { return }
            rows.append(Int32(row))
        }
        return rows
    }
}
