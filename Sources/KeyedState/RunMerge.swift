/// Merging runs of one shard into one. A value that any thread may work off while the map is read and changed.
struct RunMerge<Hash: RunHash>: Sendable {
    let shard: Int
    let shardBits: Int
    /// Neighbours in the shard's history, newest first.
    let inputs: [KeyRun<Hash>]
    /// Whether the oldest run of the shard is among them, so that removed keys need no mark any more.
    let endsHistory: Bool
    let translation: (any PlaceTranslation)?
    let version: Int

    /// Entries that are read.
    var work: Int { inputs.reduce(0) { $0 + $1.count } }

    func merged() -> MergedRun<Hash> {
        var result = mergedEntries()
        let dropped = Self.dropped(result)
        if endsHistory { result.removeAll { !$0.place.exists } }
        // A row that was dropped is stored as a removed one.
        let run = result.withUnsafeBufferPointer { entries in
            KeyRun(entries, shard: shard, shardBits: shardBits, version: version)
        }
        return MergedRun(run: run, dropped: dropped)
    }

    /// The keys whose newest row among the inputs is one that the translation dropped.
    func dropped() -> [Hash] { Self.dropped(mergedEntries()) }

    private static func dropped(_ entries: [RunEntry<Hash>]) -> [Hash] {
        entries.lazy.filter { $0.place == .dropped }.map(\.hash)
    }

    private func mergedEntries() -> [RunEntry<Hash>] {
        var result = entries(of: inputs[0])
        for older in inputs.dropFirst() { result = Self.merged(result, entries(of: older)) }
        return result
    }

    /// The entries of a run with translated places.
    private func entries(of run: KeyRun<Hash>) -> [RunEntry<Hash>] {
        var entries = run.entries()
        guard let translation, run.version < version else { return entries }
        var places = entries.map(\.place)
        translation.translateAndMark(&places)
        for index in entries.indices { entries[index].place = places[index] }
        return entries
    }

    /// One list of two sorted ones. Of a hash in both, the newer entry stays.
    private static func merged(_ newer: [RunEntry<Hash>], _ older: [RunEntry<Hash>]) -> [RunEntry<Hash>] {
        if newer.isEmpty { return older }
        if older.isEmpty { return newer }
        return [RunEntry<Hash>](unsafeUninitializedCapacity: newer.count + older.count) { target, filled in
            newer.withUnsafeBufferPointer { newer in
                older.withUnsafeBufferPointer { older in
                    var left = 0
                    var right = 0
                    while left < newer.count, right < older.count {
                        let new = newer[left]
                        let old = older[right]
                        let takesNew = new.hash <= old.hash
                        target[filled] = takesNew ? new : old
                        filled += 1
                        left += takesNew ? 1 : 0
                        right += old.hash <= new.hash ? 1 : 0
                    }
                    while left < newer.count {
                        target[filled] = newer[left]
                        filled += 1
                        left += 1
                    }
                    while right < older.count {
                        target[filled] = older[right]
                        filled += 1
                        right += 1
                    }
                }
            }
        }
    }
}

/// The result of a merge.
struct MergedRun<Hash: RunHash>: Sendable {
    let run: KeyRun<Hash>
    /// The keys whose newest row was one that the translation dropped: until now they counted as keys with a place.
    let dropped: [Hash]
}
