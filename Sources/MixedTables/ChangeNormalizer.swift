import Bytes
import ChangeEvents
import Columnar
import KeyedState

/// Turns the events of a source into the rows to write so that every key has one row.
///
/// A source may send inserts for existing keys (after snapshots and restarts), updates without the old row, and deletes
/// of absent keys. The key index decides what to write (spec sections 4.3 and 5.3):
///
/// | event            | key is there                              | key is not there |
/// |------------------|-------------------------------------------|------------------|
/// | insert or update | ED and I with one offset: an update pair  | I                |
/// | delete           | ED                                        | nothing          |
///
/// A stream that never repeats a key produces no extra delete rows.
struct ChangeNormalizer {
    /// Batch rows to write as new images, in order.
    struct Inserts {
        var rows: [Int32] = []
        var offsets: [Int64] = []
        var partitions: [UInt32] = []
    }

    /// Rows to write as old images, in order.
    struct Deletes {
        /// The batch row that holds the key.
        var rows: [Int32] = []
        /// The batch row that holds the whole old row; −1 when the source did not send it and only the key is written.
        var images: [Int32] = []
        var offsets: [Int64] = []
        var partitions: [UInt32] = []
    }

    private(set) var inserts = Inserts()
    private(set) var deletes = Deletes()
    /// Batch rows that delete absent keys.
    private(set) var absent: [Int32] = []
    /// How many of them the source sent; the others stand for rows that a filter left out.
    private(set) var redundantDeletes = 0

    /// - Parameters:
    ///   - partitions: the partition of each row's new image.
    ///   - counter: the writer's file offset counter, which is advanced (spec section 4.3).
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
        let kinds = batch.kinds.values(as: UInt8.self)
        index.update(fingerprints) { row, known in
            normalize(row, kinds, fingerprints, &known, partitions[row], &counter)
        }
        redundantDeletes = absent.count
        if let marks = batch.filterDeletes?.values(as: UInt8.self) {
            redundantDeletes -= absent.count { marks[Int($0)] != 0 }
        }
    }

    /// - Parameter known: the partition of the key's row; nil when there is none. Updated to the state after the
    ///   change.
    @inline(__always)
    private mutating func normalize(
        _ row: Int,
        _ kinds: UnsafePointer<UInt8>,
        _ keys: KeyFingerprints,
        _ known: inout UInt32?,
        _ partition: UInt32,
        _ counter: inout Int64
    ) {
        let old = known
        switch kinds[row] {
        case ChangeKind.updateBefore.rawValue, ChangeKind.delete.rawValue:
            // The update-after that follows handles this row; without one it is a delete.
            if kinds[row] == ChangeKind.updateBefore.rawValue, row + 1 < keys.count,
                kinds[row + 1] == ChangeKind.updateAfter.rawValue, keys[row + 1] == keys[row]
            {
                return
            }
            guard let old else {
                absent.append(Int32(row))
                return
            }
            known = nil
            counter += 1
            appendDelete(row, image: Int32(row), counter, old)
        default:
            known = partition
            counter += 1
            if let old {
                let hasImage =
                    row > 0 && kinds[row] == ChangeKind.updateAfter.rawValue
                    && kinds[row - 1] == ChangeKind.updateBefore.rawValue && keys[row - 1] == keys[row]
                appendDelete(row, image: hasImage ? Int32(row - 1) : -1, counter, old)
            }
            inserts.rows.append(Int32(row))
            inserts.offsets.append(counter)
            inserts.partitions.append(partition)
        }
    }

    @inline(__always)
    private mutating func appendDelete(_ row: Int, image: Int32, _ offset: Int64, _ partition: UInt32) {
        deletes.rows.append(Int32(row))
        deletes.images.append(image)
        deletes.offsets.append(offset)
        deletes.partitions.append(partition)
    }
}
