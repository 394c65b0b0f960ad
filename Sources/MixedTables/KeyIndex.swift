import Bytes
import Columnar
import KeyedState

/// The keys of a table and their partitions. It keeps one row per key when sources repeat themselves.
///
/// A writer builds it from the table at its start and keeps it current. The index decides whether a change has an old
/// row to delete, so streams that never repeat a key produce no extra delete rows. Past its memory it goes to files.
struct KeyIndex: Sendable {
    private let areNarrow: Bool
    private let settings: PlaceMap.Settings
    /// Where the index is besides memory; nil for nowhere.
    private let state: KeyIndexState?
    /// The file number of a place is the ordinal of the row's partition, 0 in an unpartitioned table.
    private var places: PlaceMap

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

    // MARK: Loading

    /// A part of a table, read by one thread.
    private struct Part: Sendable {
        let task: NodeTask
        let partition: UInt32
        let rows: Int64
    }

    /// Reads the keys that a table holds now into an index without keys. Two rows of one key, which other writers may
    /// leave, become one entry.
    ///
    /// - Parameter check: called periodically; an error it throws ends the loading.
    /// - Returns: number of rows read.
    mutating func load(
        from table: MixedTable,
        partitions: inout PartitionDictionary,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> Int {
        state?.beginLoading()
        let scan = try MergeOnReadScan(table, columns: table.keySchema)
        let parts = scan.tasks.flatMap { task in
            let partition = partitions.ordinal(of: task.partition)
            return task.parts(ofRows: Self.partRows).map { Part(task: $0, partition: partition, rows: $0.rowCount) }
        }
        let areNarrow = areNarrow
        if parts.reduce(Int64(0), { $0.addingClamped($1.rows) }) <= Int64(settings.recentKeys) {
            var rows = 0
            for part in parts {
                try scan.read(part.task, check: check) { (batch) throws(WeirError) in
                    try check()
                    let keys = KeyFingerprints(batch.columns, count: batch.count, areNarrow: areNarrow)
                    update(keys) { $1 = part.partition }
                    rows += batch.count
                    return true
                }
                trim()
            }
            return rows
        }
        let loader = PlaceLoader(areNarrow: areNarrow, settings: settings)
        let rounds = KeyLoadRounds(rowsMax: state?.rowsOfRound ?? .max)
        var loaded = 0
        var left = parts[...]
        while !left.isEmpty {
            let some = Array(left.prefix(rounds.next(left.lazy.map(\.rows), loaded: Int64(loaded))))
            left = left.dropFirst(some.count)
            let counts = try concurrently(some, check: check) { (part, stop) throws(WeirError) in
                let place = KeyPlace(file: part.partition, row: 0)
                var rows = 0
                try scan.read(part.task, check: stop) { (batch) throws(WeirError) in
                    try stop()
                    let keys = KeyFingerprints(batch.columns, count: batch.count, areNarrow: areNarrow)
                    loader.add(keys, places: [KeyPlace](repeating: place, count: batch.count))
                    rows += batch.count
                    return true
                }
                return rows
            }
            loaded += counts.reduce(0, +)
            _ = loader.drain(into: &places)
            try state?.trimLoaded(&places, check: check)
        }
        return loaded
    }

    private static let partRows: Int64 = 1 << 20
}

extension NodeTask {
    /// Rows of the data files, deleted ones included.
    var rowCount: Int64 { dataFiles.reduce(0) { $0.addingClamped($1.task.file.recordCount) } }

    /// The same task in parts with about so many rows; a file is in one part. With delete files it is one part: each
    /// would read all of them.
    func parts(ofRows limit: Int64) -> [NodeTask] {
        guard deleteFiles.isEmpty else { return [self] }
        var parts: [NodeTask] = []
        var (files, rows): ([File], Int64) = ([], 0)
        func end() {
            if files.isEmpty { return }
            var part = self
            part.dataFiles = files
            parts.append(part)
            (files, rows) = ([], 0)
        }
        for file in dataFiles {
            files.append(file)
            rows = rows.addingClamped(file.task.file.recordCount)
            if rows >= limit { end() }
        }
        end()
        return parts
    }
}
