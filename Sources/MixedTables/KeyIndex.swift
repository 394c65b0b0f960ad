import Bytes
import Columnar
import KeyedState

/// The keys of a table and their partitions. It keeps one row per key when sources repeat themselves.
///
/// A writer builds it from the table at its start and keeps it current. The index decides whether a change has an old
/// row to delete, so streams that never repeat a key produce no extra delete rows. Past its memory it goes to files.
struct KeyIndex: Sendable {
    let areNarrow: Bool
    let settings: PlaceMap.Settings
    /// Where the index is besides memory; nil for nowhere.
    let state: KeyIndexState?
    /// The file number of a place is the ordinal of the row's partition, 0 in an unpartitioned table.
    var places: PlaceMap

    /// An index without keys.
    init(areNarrow: Bool, state: KeyIndexState? = nil) {
        self.areNarrow = areNarrow
        self.state = state
        var settings = PlaceMap.Settings()
        // One hash table is faster than runs, and takes more memory.
        settings.recentKeys = max(settings.recentKeys, state?.recentKeys ?? Self.recentKeys)
        self.settings = settings
        places = PlaceMap(areNarrow: areNarrow, settings: settings)
    }

    private static let recentKeys = 8 << 20

    /// An index without keys, to read them again.
    func emptied(areNarrow: Bool) -> KeyIndex { KeyIndex(areNarrow: areNarrow, state: state) }

    /// Keys in the index.
    var count: Int { places.count }

    /// Bytes of memory that it takes.
    var byteCount: Int { places.byteCount }

    /// Calls `body` with the partition of each key's row, nil if there is none. It may set, replace or remove it; a later
    /// row of the same key sees the change.
    @inline(__always)
    mutating func update(_ keys: KeyFingerprints, _ body: (_ row: Int, _ partition: inout UInt32?) -> Void) {
        places.update(keys) { row, place in
            var partition = place?.file
            body(row, &partition)
            place = partition.map { KeyPlace(file: $0, row: 0) }
        }
    }

    /// Removes the keys that are in a map.
    mutating func remove(keysOf map: KeyMap<UInt32>) {
        map.forEachBatch { keys in
            places.update(keys) { $1 = nil }
            trim()
        }
    }

    /// Applies changes in order: removes the keys that are gone, and stores the new partition of the others.
    mutating func apply(_ fingerprints: KeyFingerprints, isGone: (Int) -> Bool, partitions: [UInt32]) {
        update(fingerprints) { row, partition in partition = isGone(row) ? nil : partitions[row] }
        trim()
    }

    /// Moves parts to files if the index takes more memory than it may.
    mutating func trim() { state?.trim(&places) }
}
