import Bytes
import Columnar
import KeyedState

/// The keys of a table and their partitions. It keeps one row per key when sources repeat themselves.
///
/// A writer builds it from the table at its start and keeps it current. The index decides whether a change has an old
/// row to delete, so streams that never repeat a key produce no extra delete rows. The value of an entry is the ordinal
/// of the row's partition; 0 in an unpartitioned table.
struct KeyIndex: Sendable {
    var partitions = KeyMap<UInt32>(filler: 0)

    /// Keys in the index.
    var count: Int { partitions.count }

    /// Adds the keys of rows that live in one partition.
    mutating func insert(_ fingerprints: KeyFingerprints, partition: UInt32) {
        partitions.update(fingerprints) { $1 = partition }
    }

    /// Applies changes in order: removes the keys that are gone, and stores the new partition of the others.
    mutating func apply(_ fingerprints: KeyFingerprints, isGone: (Int) -> Bool, partitions: [UInt32]) {
        self.partitions.update(fingerprints) { row, partition in partition = isGone(row) ? nil : partitions[row] }
    }

    /// Reads the keys that a table holds now. Two rows of one key, which other writers may leave, become one entry.
    ///
    /// - Parameter check: called for each batch; an error it throws ends the loading.
    /// - Returns: number of rows read.
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
