import Bytes
import Columnar

/// Which keys a table holds, and in which partition: what makes one row per key out of sources that repeat themselves.
///
/// Built from the table when a writer starts and kept current by it. It decides whether a change has an old row to take
/// away, so streams that never repeat a key get no extra delete rows. The value of an entry is the ordinal of the
/// partition that holds the row; 0 in an unpartitioned table.
struct KeyIndex: Sendable {
    var partitions = KeyMap<UInt32>(filler: 0)

    /// Keys in the index.
    var count: Int { partitions.count }

    /// Adds the keys of rows that live in one partition.
    mutating func insert(_ fingerprints: KeyFingerprints, partition: UInt32) {
        partitions.update(fingerprints) { $1 = partition }
    }

    /// Follows changes: the keys that are there afterwards live in the partition of their row.
    mutating func apply(_ fingerprints: KeyFingerprints, isGone: (Int) -> Bool, partitions: [UInt32]) {
        self.partitions.update(fingerprints) { row, partition in partition = isGone(row) ? nil : partitions[row] }
    }

    /// Reads the keys that a table holds now. Two rows of one key, as other writers may leave them, count once.
    ///
    /// - Parameter check: called between batches; what it throws ends the loading.
    /// - Returns: rows read.
    mutating func load(
        from table: MixedTable,
        partitions: inout PartitionDictionary,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> Int {
        var rows = 0
        let scan = try MergeOnReadScan(table, columns: table.keySchema)
        for task in scan.tasks {
            let ordinal = partitions.ordinal(of: task.partition)
            try scan.read(task) { (batch) throws(WeirError) in
                try check()
                let prints = KeyFingerprints(batch.columns, count: batch.count, areNarrow: table.keysAreNarrow)
                insert(prints, partition: ordinal)
                rows += batch.count
                return true
            }
        }
        return rows
    }
}
