import Bytes
import ChangeEvents
import Columnar

/// Turns what a source says happened into what has to be written so that every key has one row.
///
/// A source may repeat itself (snapshots and restarts send inserts for keys that exist), may leave out the old row of an
/// update, and may delete what is not there. The key index decides (spec sections 4.3 and 5.3):
///
/// | event            | key is there                              | key is not there |
/// |------------------|-------------------------------------------|------------------|
/// | insert or update | ED and I with one offset: an update pair  | I                |
/// | delete           | ED                                        | nothing          |
///
/// A stream that never repeats a key gets no extra delete row.
struct ChangeNormalizer {
    /// Rows of the batch to write as new images, in order.
    struct Inserts {
        var rows: [Int32] = []
        var offsets: [Int64] = []
        var partitions: [UInt32] = []
    }

    /// Rows to write as old images, in order.
    struct Deletes {
        /// Where the key stands in the batch.
        var rows: [Int32] = []
        /// Where the whole old row stands; −1 when the source did not send it, so that only the key is written.
        var images: [Int32] = []
        var offsets: [Int64] = []
        var partitions: [UInt32] = []
    }

    private(set) var inserts = Inserts()
    private(set) var deletes = Deletes()
    /// Rows that delete keys which were not there.
    private(set) var absent: [Int32] = []
    var redundantDeletes: Int { absent.count }

    /// - Parameters:
    ///   - partitions: the partition of each row's new image.
    ///   - counter: the writer's file offset counter, moved on (spec section 4.3).
    init(
        _ batch: ChangeBatch,
        fingerprints: KeyFingerprints,
        partitions: [UInt32],
        index: inout KeyIndex,
        counter: inout Int64
    ) {
        inserts.rows.reserveCapacity(batch.count)
        inserts.offsets.reserveCapacity(batch.count)
        inserts.partitions.reserveCapacity(batch.count)
        switch fingerprints {
        case .narrow(let keys): normalize(batch, keys, partitions, &index.narrow, &counter)
        case .wide(let keys): normalize(batch, keys, partitions, &index.wide, &counter)
        }
    }

    private mutating func normalize<Key>(
        _ batch: ChangeBatch,
        _ keys: [Key],
        _ partitions: [UInt32],
        _ table: inout KeyTable<Key, UInt32>,
        _ counter: inout Int64
    ) {
        let kinds = batch.kinds.values(as: UInt8.self)
        for row in 0..<batch.count {
            let key = keys[row]
            let ahead = row + KeyTable<Key, UInt32>.prefetchDistance
            if ahead < keys.count { table.prefetch(keys[ahead]) }
            switch kinds[row] {
            case ChangeKind.updateBefore.rawValue:
                // Carried by the update-after that follows; alone it is a delete.
                if row + 1 < batch.count, kinds[row + 1] == ChangeKind.updateAfter.rawValue, keys[row + 1] == key {
                    continue
                }
                remove(row, key, &table, &counter)
            case ChangeKind.delete.rawValue: remove(row, key, &table, &counter)
            default:
                counter += 1
                let partition = partitions[row]
                if let old = table.set(key, partition) {
                    let hasImage =
                        row > 0 && kinds[row] == ChangeKind.updateAfter.rawValue
                        && kinds[row - 1] == ChangeKind.updateBefore.rawValue && keys[row - 1] == key
                    deletes.rows.append(Int32(row))
                    deletes.images.append(hasImage ? Int32(row - 1) : -1)
                    deletes.offsets.append(counter)
                    deletes.partitions.append(old)
                }
                inserts.rows.append(Int32(row))
                inserts.offsets.append(counter)
                inserts.partitions.append(partition)
            }
        }
    }

    private mutating func remove<Key>(
        _ row: Int,
        _ key: Key,
        _ table: inout KeyTable<Key, UInt32>,
        _ counter: inout Int64
    ) {
        guard let old = table.remove(key) else {
            absent.append(Int32(row))
            return
        }
        counter += 1
        deletes.rows.append(Int32(row))
        deletes.images.append(Int32(row))
        deletes.offsets.append(counter)
        deletes.partitions.append(old)
    }
}
