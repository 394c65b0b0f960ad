import Bytes

/// A map from keys to the places of their rows, for many millions of keys.
///
/// ```
/// recent    hash table of the latest changes
/// runs      for each shard of the key hashes, immutable sorted runs, newest first
/// ```
/// A key's place is in the newest part that has the key. When there are enough recent changes they become runs, and runs
/// of similar size are merged. Merges are small, since they concern one shard, and are paid for in slices by the updates
/// that cause them.
///
/// A value: a copy is a consistent picture for another thread. Runs are shared between copies.
public struct PlaceMap: Sendable {
    public struct Settings: Sendable {
        /// The map has 2^`shardBits` shards.
        public var shardBits = 8
        /// Recent changes become runs when there are this many, or a sixteenth of the keys if that is more.
        public var recentKeys = 262_144
        /// Whether updates merge runs. Tests turn it off to have merges left for other threads.
        var mergesInline = true

        public init() {}
    }

    /// Whether keys have narrow fingerprints; see `KeyFingerprints.areNarrow`.
    public let areNarrow: Bool
    /// The seed of the fingerprints.
    public let seed: KeySeed
    let settings: Settings
    @usableFromInline var recent: KeyMap<KeyPlace>
    /// Whether `recent` may have marks of removed keys. Without them and without runs it is the whole map.
    @usableFromInline var hasMarks = false
    /// Number of keys that have a place, and of those whose row in a run the translation dropped.
    @usableFromInline var live = 0
    var narrow: RunSet<UInt64>
    var wide: RunSet<UInt128>
    private(set) var translation: (any PlaceTranslation)?
    /// Number of translations so far.
    public private(set) var version = 0
    /// The shard at which the next merge is looked for.
    private var mergeShard = 0

    public init(areNarrow: Bool, seed: KeySeed = .process, settings: Settings = Settings()) {
        precondition((0...16).contains(settings.shardBits), "a map has at most 65,536 shards")
        self.areNarrow = areNarrow
        self.seed = seed
        self.settings = settings
        recent = KeyMap(filler: .none, seed: seed)
        narrow = RunSet(shardBits: areNarrow ? settings.shardBits : 0, seed: seed)
        wide = RunSet(shardBits: areNarrow ? 0 : settings.shardBits, seed: seed)
    }

    /// Number of keys that have a place.
    ///
    /// - Complexity: O(1) when `isFinal`. Otherwise it reads the shards whose places have to be translated.
    public var count: Int {
        guard let translation else { return live }
        return live - uncovered(narrow.dropped(translation, version: version))
            - uncovered(wide.dropped(translation, version: version))
    }

    /// A number of keys that is not below `count`, without reading anything.
    public var countAtMost: Int { live }

    /// Number of keys that no recent change is about.
    private func uncovered(_ hashes: [UInt64]) -> Int {
        hashes.reduce(0) { $0 + (recent.narrow.find($1.fingerprint(seed)) == nil ? 1 : 0) }
    }

    private func uncovered(_ hashes: [UInt128]) -> Int {
        hashes.reduce(0) { $0 + (recent.wide.find($1.fingerprint(seed)) == nil ? 1 : 0) }
    }

    /// Bytes of memory that the map takes.
    public var byteCount: Int { recent.byteCount + narrow.byteCount + wide.byteCount }

    @usableFromInline var hasRuns: Bool { !narrow.isEmpty || !wide.isEmpty }

    // MARK: Look-ups

    /// The place of each key, in order; `none` for a key that has no row.
    public func places(of keys: KeyFingerprints) -> [KeyPlace] {
        var places = [KeyPlace](repeating: .none, count: keys.count)
        if !recent.isEmpty { recent.forEach(keys) { row, place in if let place { places[row] = place } } }
        find(keys, &places)
        translation?.translate(&places)
        return places
    }

    /// The places that the runs have for keys; `none` for others and for removed keys, `dropped` for those whose row the
    /// translation dropped.
    @usableFromInline
    func placesInRuns(of keys: KeyFingerprints) -> [KeyPlace] {
        var places = [KeyPlace](repeating: .none, count: keys.count)
        find(keys, &places)
        translation?.translateAndMark(&places)
        return places
    }

    /// Looks up in the runs what is still `none`, and makes `none` of removed keys.
    private func find(_ keys: KeyFingerprints, _ places: inout [KeyPlace]) {
        switch keys {
        case .narrow(let keys): narrow.find(keys, &places)
        case .wide(let keys): wide.find(keys, &places)
        }
        for row in places.indices where !places[row].exists { places[row] = .none }
    }

    // MARK: Changes

    /// Gives keys new places, or removes those whose new place is `none`. A later row of the same key wins.
    ///
    /// - Returns: the place that each key had before its row.
    @discardableResult
    public mutating func replace(_ keys: KeyFingerprints, with places: [KeyPlace]) -> [KeyPlace] {
        precondition(keys.count == places.count, "one place for each key")
        var before = [KeyPlace](repeating: .none, count: keys.count)
        update(keys) { row, place in
            if let place { before[row] = place }
            place = places[row].exists ? places[row] : nil
        }
        return before
    }

    /// Calls `body` with each row's place, in order. It may set, replace or remove the place; a later row of the same key
    /// sees the change.
    @inlinable
    public mutating func update(_ keys: KeyFingerprints, _ body: (_ row: Int, _ place: inout KeyPlace?) -> Void) {
        if hasRuns || hasMarks {
            hasMarks = true
            let old = placesInRuns(of: keys)
            var gained = 0
            recent.update(keys) { row, held in
                let inRuns = old[row]
                let before = held ?? inRuns
                var place: KeyPlace? = before.exists ? before : nil
                body(row, &place)
                gained += (place != nil ? 1 : 0) - (before.exists || before == .dropped ? 1 : 0)
                // A removed key leaves a mark only where it covers a run.
                held = place ?? (inRuns != .none ? .removed : nil)
            }
            live += gained
        } else {
            recent.update(keys, body)
            live = recent.count
        }
        settle(after: keys.count)
    }

    /// Turns recent changes into runs when there are enough of them, and merges runs for a while.
    @usableFromInline
    mutating func settle(after rows: Int) {
        if recent.count >= max(settings.recentKeys, live / 16) { freeze() }
        if settings.mergesInline { merge(atMost: 4096 + 16 * rows) }
    }

    /// Turns all recent changes into runs.
    public mutating func freeze() {
        if recent.isEmpty { return }
        makeRoom()
        if areNarrow {
            narrow.add(Self.runs(recent.narrow, seed, shardBits: settings.shardBits, version))
        } else {
            wide.add(Self.runs(recent.wide, seed, shardBits: settings.shardBits, version))
        }
        recent.removeAll()
        hasMarks = false
    }

    /// Merges the runs of shards that have no room for another one.
    mutating func makeRoom() {
        live -= uncovered(narrow.makeRoom(translation, version: version))
        live -= uncovered(wide.makeRoom(translation, version: version))
        // The runs that were merged may have been the last ones to be translated.
        dropTranslation()
    }

    private static func runs<Hash: RunHash>(
        _ table: KeyTable<Hash, KeyPlace>,
        _ seed: KeySeed,
        shardBits: Int,
        _ version: Int
    ) -> [KeyRun<Hash>] {
        var entries: [RunEntry<Hash>] = []
        entries.reserveCapacity(table.count)
        table.forEach { entries.append(RunEntry(hash: Hash.of($0, seed), place: $1)) }
        let (sharded, starts) = EntrySort.sharded(count: entries.count, shardBits: shardBits) { entries[$0] }
        return (0..<(1 << shardBits)).map { shard in
            EntrySort.sorted([sharded[starts[shard]..<starts[shard + 1]]], shardBits: shardBits)
                .withUnsafeBufferPointer { KeyRun($0, shard: shard, shardBits: shardBits, version: version) }
        }
    }

    // MARK: Merges

    /// Merges runs until about so many entries were read or no merge is due.
    private mutating func merge(atMost entries: Int) {
        var left = entries
        while left > 0, let merge = dueMerge() {
            left -= merge.work
            _ = adopt(merge.merged())
        }
    }

    /// The next merge of runs; nil when none is due. It may be worked off by another thread while the map is used.
    ///
    /// - Parameter finalizes: whether runs whose places have to be translated are due as well.
    public mutating func dueMerge(finalizes: Bool = false) -> PlaceMerge? {
        if let merge = narrow.merge(from: mergeShard, translation, version: version, finalizes: finalizes) {
            mergeShard = merge.shard
            return PlaceMerge(task: .narrow(merge))
        }
        if let merge = wide.merge(from: mergeShard, translation, version: version, finalizes: finalizes) {
            mergeShard = merge.shard
            return PlaceMerge(task: .wide(merge))
        }
        return nil
    }

    /// Takes the result of a merge.
    ///
    /// - Returns: false when the runs have changed meanwhile; the map stays as it is.
    @discardableResult
    public mutating func adopt(_ merged: MergedPlaces) -> Bool {
        defer { dropTranslation() }
        switch merged.result {
        case .narrow(let run, let merge):
            guard let dropped = narrow.adopt(run, of: merge) else { return false }
            live -= uncovered(dropped)
        case .wide(let run, let merge):
            guard let dropped = wide.adopt(run, of: merge) else { return false }
            live -= uncovered(dropped)
        }
        return true
    }

    // MARK: Rewritten files

    /// Translates places from now on: those of recent changes at once, those of runs when they are looked up or merged.
    ///
    /// - Parameter translation: in place of the one before; it includes the moves of that one for the files that runs
    ///   may still name, as long as `isFinal` is false.
    public mutating func translate(through translation: any PlaceTranslation) {
        version += 1
        live -= recent.translate(translation)
        hasMarks = true
        self.translation = translation
        dropTranslation()
    }

    /// The number of the oldest translation that some place has not gone through yet, less one: moves that came with it or
    /// before are needed no more. Nil without runs.
    public var oldestVersion: Int? { [narrow.oldestVersion, wide.oldestVersion].compactMap { $0 }.min() }

    /// Takes a translation in place of the last one that lacks moves which no place needs any more (`oldestVersion`).
    public mutating func shorten(translation: any PlaceTranslation) {
        if self.translation != nil { self.translation = translation }
    }

    /// Whether no place of the map needs the translation any more.
    public var isFinal: Bool { translation == nil }

    private mutating func dropTranslation() {
        guard translation != nil else { return }
        if let oldest = oldestVersion, oldest < version { return }
        translation = nil
    }
}
