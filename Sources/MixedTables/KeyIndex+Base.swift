import Bytes
import Columnar
import IcebergTables

extension KeyIndex {
    /// Takes in what other engines have done to base.
    ///
    /// - Parameters:
    ///   - old: base as the index knows it.
    ///   - table: as it is now; its change store holds every change that the index knows.
    /// - Returns: keys that got a second row: they were there already, and nobody took their row away.
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
                // Rows that came from the change store would count.
                return isOptimized ? 0 : doubled
            case .unknown: break
            }
        } catch  where error.code == .notFound {
            // Expiry has deleted files of the old state.
        }
        // Half an index would be taken for a whole one.
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
        // A row that a change hides is not its key's row: its file may go without the key going.
        var gone = KeyIndex()
        try table.with(base: old).visibleBaseKeys(in: removed) { (_, keys) throws(WeirError) in
            gone.insert(KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow), partition: 0)
        }
        var doubled = 0
        try table.visibleBaseKeys(in: added) { (partition, keys) throws(WeirError) in
            let ordinal = partitions.ordinal(of: partition)
            let prints = KeyFingerprints(keys.columns, count: keys.count, areNarrow: areNarrow)
            self.partitions.update(prints) { row, partition in
                // A key that was in a file that is gone has only moved.
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
