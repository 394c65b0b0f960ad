import Bytes
import Synchronization

/// Collects the keys of a table for a new map. Any number of threads may add keys at the same time.
///
/// A batch is grouped by shard where it is added; at the end every shard is sorted on its own, in parallel.
public final class PlaceLoader: Sendable {
    private let areNarrow: Bool
    private let seed: KeySeed
    private let settings: PlaceMap.Settings
    private let batches = Mutex(Batches())

    private struct Batches: Sendable {
        var narrow: [Batch<UInt64>] = []
        var wide: [Batch<UInt128>] = []
    }

    private struct Batch<Hash: RunHash>: Sendable {
        let entries: [RunEntry<Hash>]
        /// Where each shard begins, and the end.
        let starts: [Int]
    }

    public init(areNarrow: Bool, seed: KeySeed = .process, settings: PlaceMap.Settings = PlaceMap.Settings()) {
        self.areNarrow = areNarrow
        self.seed = seed
        self.settings = settings
    }

    /// Adds keys and their places.
    public func add(_ keys: KeyFingerprints, places: [KeyPlace]) {
        precondition(keys.count == places.count, "one place for each key")
        switch keys {
        case .narrow(let keys):
            let batch = batch(keys, places)
            batches.withLock { $0.narrow.append(batch) }
        case .wide(let keys):
            let batch = batch(keys, places)
            batches.withLock { $0.wide.append(batch) }
        }
    }

    private func batch<Hash: RunHash>(_ keys: [Hash], _ places: [KeyPlace]) -> Batch<Hash> {
        let (entries, starts) = EntrySort.sharded(count: keys.count, shardBits: settings.shardBits) {
            RunEntry(hash: Hash.of(keys[$0], seed), place: places[$0])
        }
        return Batch(entries: entries, starts: starts)
    }

    /// The map of all keys that were added. It empties the loader.
    ///
    /// - Returns: the map, and the number of keys that were added again: only the last of their places is in the map,
    ///   by file number and row.
    public func finish() -> (map: PlaceMap, repeats: Int) {
        var map = PlaceMap(areNarrow: areNarrow, seed: seed, settings: settings)
        let repeats = drain(into: &map)
        return (map, repeats)
    }

    /// Moves the keys that were added to a map with the loader's seed and settings, as a part of a large table.
    ///
    /// - Returns: number of keys that were there already, in the map or in the loader; the last place counts.
    public func drain(into map: inout PlaceMap) -> Int {
        var overwritten: [KeyPlace] = []
        drain(into: &map, overwritten: &overwritten)
        return overwritten.count
    }

    /// The same.
    ///
    /// - Parameter overwritten: gets the places that do not count, in no order.
    public func drain(into map: inout PlaceMap, overwritten: inout [KeyPlace]) {
        precondition(map.seed == seed && map.areNarrow == areNarrow, "a loader and its map have the same seed")
        precondition(map.settings.shardBits == settings.shardBits, "a loader and its map have the same shards")
        map.freeze()
        map.makeRoom()
        let batches = batches.withLock { batches in
            defer { batches = Batches() }
            return batches
        }
        let (translation, version) = (map.translation, map.version)
        overwritten +=
            areNarrow
            ? add(batches.narrow, to: &map.narrow, translation, version: version, count: &map.live)
            : add(batches.wide, to: &map.wide, translation, version: version, count: &map.live)
    }

    private func add<Hash: RunHash>(
        _ batches: [Batch<Hash>],
        to runs: inout RunSet<Hash>,
        _ translation: (any PlaceTranslation)?,
        version: Int,
        count: inout Int
    ) -> [KeyPlace] {
        if batches.isEmpty { return [] }
        let shardBits = settings.shardBits
        let older = runs
        let built = inParallel(Array(0..<(1 << shardBits))) { shard in
            let parts = batches.map { $0.entries[$0.starts[shard]..<$0.starts[shard + 1]] }
            var entries = EntrySort.sorted(parts, shardBits: shardBits)
            var overwritten: [KeyPlace] = []
            EntrySort.removeRepeats(&entries) { overwritten.append($0) }
            let run = entries.withUnsafeBufferPointer {
                KeyRun($0, shard: shard, shardBits: shardBits, version: version)
            }
            if older.isEmpty { return (run, count: entries.count, overwritten) }
            var places = [KeyPlace](repeating: .none, count: entries.count)
            older.find(entries.map(\.hash), areHashes: true, &places)
            let counted = places.reduce(0) { $0 + ($1.exists ? 1 : 0) }
            translation?.translate(&places)
            for place in places where place.exists { overwritten.append(place) }
            return (run, count: entries.count - counted, overwritten)
        }
        runs.add(built.map { $0.0 })
        count += built.reduce(0) { $0 + $1.1 }
        return built.flatMap(\.2)
    }

    private func inParallel<Element: Sendable, Outcome: Sendable>(
        _ elements: [Element],
        _ work: @escaping @Sendable (Element) -> Outcome
    ) -> [Outcome] {
        do {
            return try concurrently(elements) { (element) throws(WeirError) in work(element) }
        } catch {
            preconditionFailure("work that throws nothing has failed: \(error)")
        }
    }
}
