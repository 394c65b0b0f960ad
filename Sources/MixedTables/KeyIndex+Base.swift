import Bytes
import Columnar
import IcebergTables
import KeyedState

extension KeyIndex {
    /// Applies other engines' changes to base to the index.
    ///
    /// - Parameters:
    ///   - old: the state of base that the index reflects.
    ///   - table: the current table; its change store holds every change that the index contains.
    /// - Returns: number of keys that got a second row: the key existed already and its row was not removed.
    mutating func follow(
        from old: Table,
        to table: MixedTable,
        partitions: inout PartitionDictionary
    ) throws(WeirError) -> Int {
        do throws(WeirError) {
            switch try BaseChange(from: old, to: table.base) {
            case .none: return 0
            case .files(let removed, let added, let moved):
                return try follow(removed, added, moved: moved, from: old, to: table, &partitions)
            case .unknown: break
            }
        } catch  where error.code == .notFound {
            // Expiry has deleted files of the old state.
        }
        // Load into a new index, so that a failure leaves no partial one.
        var whole = emptied(areNarrow: table.keysAreNarrow)
        _ = try whole.load(from: table, partitions: &partitions)
        self = whole
        return 0
    }

    private mutating func follow(
        _ removed: Set<String>,
        _ added: Set<String>,
        moved: Set<String>,
        from old: Table,
        to table: MixedTable,
        _ partitions: inout PartitionDictionary
    ) throws(WeirError) -> Int {
        let areNarrow = table.keysAreNarrow
        // A row hidden by a change is not the current row of its key: its file may be removed while the key stays.
        var gone = KeyMap<UInt32>(filler: 0)
        // Rows that came to base meanwhile may be gone from there as well.
        let optimized = try OptimizedSequence.read(table.base, snapshotId: table.base.metadata.currentSnapshotId)
        try table.with(base: old).visibleKeys { file in
            file.isBase
                ? removed.contains(file.task.file.path)
                : file.task.dataSequenceNumber <= optimized.sequence(ofPartition: file.task.file.partition)
        } _: { (_, keys) throws(WeirError) in
            gone.update(KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow)) { $1 = 0 }
        }
        var doubled = 0
        // Rows that optimizing has moved come first; they are no second rows, wherever they were before.
        for (paths, areMoved) in [(moved, true), (added.subtracting(moved), false)] {
            try table.visibleBaseKeys(in: paths) { (partition, keys) throws(WeirError) in
                let ordinal = partitions.ordinal(of: partition)
                let prints = KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow)
                update(prints) { row, partition in
                    // A key that was in a removed file has only moved.
                    var isMoved = areMoved
                    gone.update(prints, at: row) {
                        if $0 != nil { isMoved = true }
                        $0 = nil
                    }
                    if partition != nil, !isMoved { doubled += 1 }
                    partition = ordinal
                }
                trim()
            }
        }
        remove(keysOf: gone)
        return doubled
    }
}
