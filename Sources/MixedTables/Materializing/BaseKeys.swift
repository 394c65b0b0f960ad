import Bytes
import Columnar
import IcebergFormat
import IcebergTables
import KeyedState

/// Which row of base each key has, as of one base snapshot.
///
/// It is loaded from the key columns of base, and follows other engines' commits: the keys of files that went are
/// forgotten, those of new files are read, deletes of rows are noted. It can always be loaded again. A class, so that
/// no copy of the index is ever made.
final class BaseKeys {
    var files = BaseFiles()
    var places: PlaceMap
    /// Further rows of keys that have several, which only other writers leave.
    var copies: [UInt128: [KeyPlace]] = [:]
    /// The state of base that this reflects.
    private(set) var point: Point
    /// Where the rows of rewritten files are, until all places are final.
    var moved = MovedRows()
    private let layout: Layout
    let identity: StateIdentity
    /// Where it is besides memory; nil for nowhere.
    let state: KeyIndexState?
    /// Keys read from files so far.
    private(set) var loaded = 0

    /// What fingerprints depend on: a key has another one in a wider type.
    private struct Layout: Equatable {
        let keys: [Field]
        let specId: Int

        init(_ table: MixedTable) {
            keys = table.primaryKey
            specId = table.base.spec.id
        }
    }

    /// A state of base.
    struct Point {
        /// Nil when base has none yet.
        let snapshotId: Int64?
        /// The sequence number of the snapshot; 0 without one.
        let sequence: Int64

        init(_ base: Table) {
            snapshotId = base.metadata.currentSnapshotId
            sequence = base.metadata.currentSnapshot?.sequenceNumber ?? 0
        }

        init(_ point: StatePoint) { (snapshotId, sequence) = (point.snapshotId, point.sequence) }
    }

    /// Reads the keys of base, several files at a time.
    ///
    /// - Parameters:
    ///   - state: where the index is besides memory; nil for nowhere.
    ///   - check: called periodically; an error it throws ends the loading.
    init(
        _ table: MixedTable,
        state: KeyIndexState? = nil,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) {
        point = Point(table.base)
        layout = Layout(table)
        identity = Self.identity(of: table)
        self.state = state
        state?.beginLoading()
        // A seed of its own: it is stored with the index.
        var random = SystemRandomNumberGenerator()
        let seed = KeySeed(using: &random)
        places = PlaceMap(areNarrow: table.keysAreNarrow, seed: seed)
        let tasks = try table.base.plan()
        let positions = PositionDeletes(storage: table.base.storage)
        var numbers: [UInt32] = []
        for task in tasks { numbers.append(try addFile(task, table, positions, check)) }
        let loader = PlaceLoader(areNarrow: table.keysAreNarrow, seed: seed)
        let reader = try KeyReader(table, seed: seed)
        let parts = zip(tasks, numbers).map { KeyReader.Part(file: $0.file, number: $1, deleted: files[$1]?.deleted) }
        let rounds = KeyLoadRounds(rowsMax: state?.rowsOfRound ?? .max)
        var overwritten: [KeyPlace] = []
        var left = parts[...]
        while !left.isEmpty {
            let some = Array(left.prefix(rounds.next(left.lazy.map(\.file.recordCount), loaded: Int64(loaded))))
            left = left.dropFirst(some.count)
            let counts = try concurrently(some, check: check) { (part, stop) throws(WeirError) in
                var count = 0
                try reader.read(part) { (keys, places) throws(WeirError) in
                    try stop()
                    loader.add(keys, places: places)
                    count += keys.count
                }
                return count
            }
            loaded += counts.reduce(0, +)
            loader.drain(into: &places, overwritten: &overwritten)
            try state?.trimLoaded(&places, check: check)
        }
        if !overwritten.isEmpty { try addCopies(at: overwritten, in: parts, reader, check) }
        state?.tell(.loaded(keys: places.count))
    }

    /// An index that was saved, without its files.
    init(_ table: MixedTable, _ saved: SavedPlaces, _ copies: [UInt128: [KeyPlace]], _ state: KeyIndexState) {
        point = Point(saved.point)
        layout = Layout(table)
        identity = Self.identity(of: table)
        self.state = state
        places = saved.map
        self.copies = copies
    }

    /// Keeps to the memory.
    func trim() { state?.trim(&places) }

    /// Notes further rows of keys that have several. Their keys are read again from the files that hold them.
    private func addCopies(
        at places: [KeyPlace],
        in parts: [KeyReader.Part],
        _ reader: KeyReader,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) {
        var rows: [UInt32: Set<UInt32>] = [:]
        for place in places { rows[place.file, default: []].insert(place.row) }
        let wanted = rows
        let holders = parts.filter { wanted[$0.number] != nil }
        let found = try concurrently(holders, check: check) { (part, stop) throws(WeirError) in
            var found: [(keys: KeyFingerprints, places: [KeyPlace])] = []
            var count = 0
            try reader.read(part) { (keys, places) throws(WeirError) in
                try stop()
                count += keys.count
                let hits = places.indices.filter { wanted[part.number]?.contains(places[$0].row) == true }
                if hits.isEmpty { return }
                found.append((keys.gathered(hits.map { Int32($0) }), hits.map { places[$0] }))
            }
            return (found, count)
        }
        for (batches, count) in found {
            loaded += count
            for (keys, places) in batches {
                for row in 0..<keys.count { copies[keys[row], default: []].append(places[row]) }
            }
        }
    }

    var count: Int { places.count }

    /// The fingerprints of keys in this index.
    func fingerprints(_ columns: [ColumnVector], count: Int) -> KeyFingerprints {
        KeyFingerprints(columns, count: count, areNarrow: places.areNarrow, seed: places.seed)
    }

    /// Whether `follow` can bring this to the state of `table`: its history is known, and keys have the same
    /// fingerprints.
    func canFollow(_ table: MixedTable) -> Bool {
        guard Layout(table) == layout, table.base.metadata.tableUUID == identity.table else { return false }
        switch table.base.metadata.history(since: point.snapshotId, sequence: point.sequence).beginning {
        case .found: return true
        // Files tell what the expired commits did, unless another optimizer made one: whose rows come back then?
        case .expired: return ExpiredBaseCommits(table.base.metadata).map { !$0.hasForeignOptimizer } ?? false
        case .elsewhere: return false
        }
    }

    /// Brings this to the state of `table`. After an error it must not be used any more.
    ///
    /// - Parameter optimized: what base contains of the changes in that state.
    /// - Returns: rows that other optimizers' commits have brought to keys that have a row, or had been deleted.
    func follow(
        _ table: MixedTable,
        _ optimized: OptimizedSequence,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) -> Int {
        if table.base.metadata.currentSnapshotId == point.snapshotId { return 0 }
        return try follow(table, table.base.plan(), optimized, check: check)
    }

    /// The same.
    ///
    /// - Parameter tasks: the files of base in that state.
    func follow(
        _ table: MixedTable,
        _ tasks: [FileScanTask],
        _ optimized: OptimizedSequence,
        check: () throws(WeirError) -> Void
    ) throws(WeirError) -> Int {
        defer { point = Point(table.base) }
        let foreign = try foreignOptimizing(table.base, optimized)
        var left = Set(files.all)
        var new: [FileScanTask] = []
        let positions = PositionDeletes(storage: table.base.storage)
        for task in tasks {
            guard let number = files.number(ofPath: task.file.path), let known = files[number] else {
                new.append(task)
                continue
            }
            files.setFirstRowId(task.file.firstRowId, of: number)
            if Set(known.deletes.map(\.file.contentLocation)) == Set(task.deletes.map(\.file.contentLocation)) {
                left.remove(number)
                continue
            }
            try Self.check(task, table)
            let deleted = try Self.deletedRows(task, positions, check)
            // Rows that come back have no place: the file is read again, under another number.
            guard deleted.isSuperset(of: known.deleted) else {
                new.append(task)
                continue
            }
            files.setDeletes(task.deletes, deleted, of: number)
            left.remove(number)
        }
        for number in left { files.retire(number) }
        let returned = try add(new, of: table, positions, foreign: foreign, check)
        forgetDeadCopies()
        return returned
    }

    /// Other optimizers' commits since the state that this reflects. With nothing else, and no changes merged, they bring
    /// no new key.
    private func foreignOptimizing(
        _ now: Table,
        _ optimized: OptimizedSequence
    ) throws(WeirError) -> (snapshots: Set<Int64>, bringsKeys: Bool) {
        let commits = now.metadata.history(since: point.snapshotId).snapshots
        let snapshots = Set(commits.filter(\.isForeignOptimizing).map(\.id))
        if snapshots.isEmpty { return (snapshots, false) }
        let before = try OptimizedSequence.read(now, snapshotId: point.snapshotId)
        return (snapshots, snapshots.count < commits.count || before.sequences != optimized.sequences)
    }

    /// Whether so many places are of rows that are gone that loading again is worth it.
    var isWorn: Bool { Int64(places.countAtMost) > files.liveRows + files.liveRows / 2 + 1_000_000 }

    // MARK: Own commits

    /// The changes of a commit that this process has made.
    struct Commit {
        let base: Table
        /// Keys whose rows were deleted.
        var removed: [KeyFingerprints] = []
        /// Files that were taken out.
        var retired: [UInt32] = []
        /// Files whose rows are in others now, and these, whose keys are not read.
        var moves: [FileMove] = []
        /// Files whose deletes changed.
        var deletes: [(number: UInt32, files: [DeleteFile], rows: DeletedRows)] = []
        var added: [FileScanTask] = []
        /// Files whose row ids the commit has assigned, although they were there before: of an upgraded table.
        var numbered: [FileScanTask] = []
    }

    /// Applies an own commit, whose new files are read back. After an error this must not be used any more.
    func apply(
        _ commit: Commit,
        of table: MixedTable,
        check: () throws(WeirError) -> Void = {}
    ) throws(WeirError) {
        for change in commit.deletes { files.setDeletes(change.files, change.rows, of: change.number) }
        for number in commit.retired { files.retire(number) }
        for task in commit.numbered {
            if let number = files.number(ofPath: task.file.path) {
                files.setFirstRowId(task.file.firstRowId, of: number)
            }
        }
        try move(commit.moves)
        let mayHaveCopies = !copies.isEmpty
        for keys in commit.removed { remove(keys, mayHaveCopies: mayHaveCopies) }
        _ = try add(commit.added, of: table, PositionDeletes(storage: table.base.storage), check)
        forgetDeadCopies()
        point = Point(commit.base)
    }

    private func remove(_ keys: KeyFingerprints, mayHaveCopies: Bool) {
        let before = places.replace(keys, with: [KeyPlace](repeating: .none, count: keys.count))
        state?.trim(&places)
        guard mayHaveCopies else { return }
        // A row that was not deleted, in another partition, stays the key's row. A batch may name a key several times,
        // and only its first row finds the places: all rows come before any is placed again.
        var kept: [UInt128: (row: Int, places: [KeyPlace])] = [:]
        for row in 0..<keys.count {
            let others = copies.removeValue(forKey: keys[row]) ?? []
            let live = ([before[row]] + others).filter { files.isLive($0) }
            if !live.isEmpty { kept[keys[row], default: (row, [])].places += live }
        }
        for (key, (row, live)) in kept {
            places.replace(keys.gathered([Int32(row)]), with: [live[0]])
            if live.count > 1 { copies[key] = Array(live.dropFirst()) }
        }
    }

    /// The places of each key's rows, as `body(row, place)`. A place may be that of a row that is gone.
    func forEachPlace(
        of keys: KeyFingerprints,
        _ body: (_ row: Int, _ place: KeyPlace) -> Void
    ) {
        for (row, place) in places.places(of: keys).enumerated() where place.exists { body(row, place) }
        if copies.isEmpty { return }
        for row in 0..<keys.count { for place in copies[keys[row]] ?? [] { body(row, place) } }
    }

    // MARK: Loading

    private func add(
        _ tasks: [FileScanTask],
        of table: MixedTable,
        _ positions: PositionDeletes,
        foreign: (snapshots: Set<Int64>, bringsKeys: Bool) = ([], false),
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> Int {
        if tasks.isEmpty { return 0 }
        var returned = 0
        let reader = try KeyReader(table, seed: places.seed)
        for task in tasks {
            let number = try addFile(task, table, positions, check)
            let part = KeyReader.Part(file: task.file, number: number, deleted: files[number]?.deleted)
            let (doubled, new) = try add(part, reader, check)
            if foreign.snapshots.contains(task.snapshotId) { returned += doubled + (foreign.bringsKeys ? 0 : new) }
            loaded += Int(task.file.recordCount)
        }
        return returned
    }

    /// - Returns: rows whose key has another row, and rows whose key was not known.
    private func add(
        _ part: KeyReader.Part,
        _ reader: KeyReader,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> (doubled: Int, new: Int) {
        var (doubled, new) = (0, 0)
        try reader.read(part) { (keys, rows) throws(WeirError) in
            try check()
            for (row, place) in places.replace(keys, with: rows).enumerated() {
                guard place.exists else {
                    new += 1
                    continue
                }
                guard files.isLive(place) else { continue }
                copies[keys[row], default: []].append(place)
                doubled += 1
            }
            state?.trim(&places)
        }
        return (doubled, new)
    }

    private func addFile(
        _ task: FileScanTask,
        _ table: MixedTable,
        _ positions: PositionDeletes,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> UInt32 {
        try Self.check(task, table)
        let deleted = try Self.deletedRows(task, positions, check)
        return try files.add(
            task.file,
            dataSequenceNumber: task.dataSequenceNumber,
            deletes: task.deletes,
            deleted: deleted
        )
    }

    private func forgetDeadCopies() {
        if copies.isEmpty { return }
        copies = copies.compactMapValues { places in
            let live = places.filter { files.isLive($0) }
            return live.isEmpty ? nil : live
        }
    }

    private static func deletedRows(
        _ task: FileScanTask,
        _ positions: PositionDeletes,
        _ check: () throws(WeirError) -> Void
    ) throws(WeirError) -> DeletedRows {
        if task.deletes.isEmpty { return DeletedRows() }
        let file = NodeTask.File(task: task, role: FileRole.base(path: task.file.path), isBase: true)
        // Delete files of this data file alone need not be kept for others.
        let isAlone = task.deletes.allSatisfy { $0.file.deletedDataFile == task.file.path }
        let reader = isAlone ? PositionDeletes(storage: positions.storage) : positions
        return DeletedRows(try reader.positions(for: file, check: check).sorted, rowCount: task.file.recordCount)
    }

    /// Fails for files whose rows cannot be told apart by key and place.
    private static func check(_ task: FileScanTask, _ table: MixedTable) throws(WeirError) {
        guard task.specId == table.base.spec.id else { throw NodeTaskPlan.otherSpec(task.file.path) }
        if let delete = task.deletes.first(where: { $0.content == .equalityDeletes }) {
            throw EqualityDeletes.inKeyedBase(delete)
        }
    }
}
