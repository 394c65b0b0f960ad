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
            case .files(let removed, let added, let isOptimized):
                let doubled = try follow(removed, added, from: old, to: table, &partitions)
                // After optimizing, rows that moved from the change store would be counted as well.
                return isOptimized ? 0 : doubled
            case .unknown: break
            }
        } catch  where error.code == .notFound {
            // Expiry has deleted files of the old state.
        }
        // Load into a new index, so that a failure leaves no partial one.
        var whole = KeyIndex()
        _ = try whole.load(from: table, partitions: &partitions)
        self = whole
        return 0
    }

    private mutating func follow(
        _ removed: Set<String>,
        _ added: Set<String>,
        from old: Table,
        to table: MixedTable,
        _ partitions: inout PartitionDictionary
    ) throws(WeirError) -> Int {
        let areNarrow = table.keysAreNarrow
        // A row hidden by a change is not the current row of its key: its file may be removed while the key stays.
        var gone = KeyIndex()
        try table.with(base: old).visibleBaseKeys(in: removed) { (_, keys) throws(WeirError) in
            gone.insert(KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow), partition: 0)
        }
        var doubled = 0
        try table.visibleBaseKeys(in: added) { (partition, keys) throws(WeirError) in
            let ordinal = partitions.ordinal(of: partition)
            let prints = KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow)
            self.partitions.update(prints) { row, partition in
                // A key that was in a removed file has only moved.
                var isMoved = false
                gone.partitions.update(prints, at: row) {
                    isMoved = $0 != nil
                    $0 = nil
                }
                if partition != nil, !isMoved { doubled += 1 }
                partition = ordinal
            }
        }
        self.partitions.remove(keysOf: gone.partitions)
        return doubled
    }

    func contains(_ fingerprints: KeyFingerprints) -> [Bool] {
        var result: [Bool] = []
        partitions.forEach(fingerprints) { result.append($1 != nil) }
        return result
    }
}
