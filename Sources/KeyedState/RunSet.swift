import CLinux

/// The runs of a map: for each shard of the hashes, from new to old.
struct RunSet<Hash: RunHash>: Sendable {
    /// Most runs of a shard; more are merged before another one is added.
    static var runsPerShard: Int { 12 }
    /// A run is merged with newer ones when it has at most this many times their entries.
    private static var growth: Int { 2 }
    /// Keys whose memory is prefetched together.
    private static var strip: Int { 64 }

    let shardBits: Int
    let seed: KeySeed
    private(set) var shards: [[KeyRun<Hash>]]
    /// The views of a shard's runs, beside each other; room for `runsPerShard` of each shard.
    private var views: [RunView<Hash>] = []
    private var counts: [Int32]
    private(set) var isEmpty = true
    /// Bytes of the runs in memory.
    private(set) var byteCount = 0
    /// Files of runs that are gone. Other runs may need them.
    private var oldFiles: Set<String> = []

    init(shardBits: Int, seed: KeySeed) {
        self.shardBits = shardBits
        self.seed = seed
        shards = Array(repeating: [], count: 1 << shardBits)
        counts = Array(repeating: 0, count: 1 << shardBits)
    }

    /// Entries of all runs.
    var entryCount: Int { shards.joined().reduce(0) { $0 + $1.count } }

    /// The oldest translation that places of the runs went through.
    var oldestVersion: Int? { shards.lazy.joined().map(\.version).min() }

    /// Looks up each key whose place is still `none`. A removed key gets `removed`.
    ///
    /// - Parameter areHashes: whether the keys are given by their hashes.
    func find(_ fingerprints: [Hash], areHashes: Bool = false, _ places: inout [KeyPlace]) {
        if isEmpty { return }
        withExtendedLifetime(shards) {
            fingerprints.withUnsafeBufferPointer { fingerprints in
                places.withUnsafeMutableBufferPointer { places in
                    views.withUnsafeBufferPointer { views in
                        counts.withUnsafeBufferPointer { find(fingerprints, areHashes, places, views, $0) }
                    }
                }
            }
        }
    }

    private func find(
        _ fingerprints: UnsafeBufferPointer<Hash>,
        _ areHashes: Bool,
        _ places: UnsafeMutableBufferPointer<KeyPlace>,
        _ views: UnsafeBufferPointer<RunView<Hash>>,
        _ counts: UnsafeBufferPointer<Int32>
    ) {
        withUnsafeTemporaryAllocation(of: Hash.self, capacity: Self.strip) { hashes in
            // The views left to search: from the first one that may hold the key to the shard's end.
            withUnsafeTemporaryAllocation(of: (next: Int32, end: Int32).self, capacity: Self.strip) { left in
                var start = 0
                while start < fingerprints.count {
                    let count = min(Self.strip, fingerprints.count - start)
                    for index in 0..<count {
                        let key = fingerprints[start + index]
                        let hash = areHashes ? key : Hash.of(key, seed)
                        hashes[index] = hash
                        let shard = EntrySort.shard(hash, shardBits)
                        let first = Int32(truncatingIfNeeded: shard &* Self.runsPerShard)
                        let isKnown = places[start + index] != .none
                        let end = isKnown ? first : first &+ counts[shard]
                        left[index] = (first, end)
                        for view in first..<end { views[Int(view)].prefetchLine(of: hash) }
                    }
                    for index in 0..<count {
                        let hash = hashes[index]
                        var (next, end) = left[index]
                        while next < end, !views[Int(next)].mayHold(hash) { next &+= 1 }
                        left[index].next = next
                        if next < end { views[Int(next)].prefetchEntry(of: hash) }
                    }
                    for index in 0..<count {
                        var (next, end) = left[index]
                        while next < end {
                            let place = views[Int(next)].find(hashes[index])
                            if place != .none {
                                places[start + index] = place
                                break
                            }
                            next &+= 1
                            while next < end, !views[Int(next)].mayHold(hashes[index]) { next &+= 1 }
                        }
                    }
                    start += count
                }
            }
        }
    }

    /// Adds runs newer than all others of their shards.
    mutating func add(_ newer: [KeyRun<Hash>]) {
        for run in newer where run.count > 0 {
            if shards[run.shard].count == Self.runsPerShard {
                preconditionFailure("the runs of a shard are merged before there are too many")
            }
            replace(run.shard, 0..<0, with: run)
        }
    }

    /// Number of newest runs of a shard to merge now; 0 when no merge is due.
    private func due(_ shard: Int, finalVersion: Int?) -> Int {
        let runs = shards[shard]
        if runs.isEmpty { return 0 }
        var total = runs[0].count
        var count = 1
        while count < runs.count, runs[count].count <= Self.growth * total {
            total += runs[count].count
            count += 1
        }
        if count == 1, runs.count + 1 >= Self.runsPerShard { count = runs.count }
        if count > 1 { return count }
        if let finalVersion, runs.contains(where: { $0.version < finalVersion }) { return runs.count }
        return 0
    }

    /// The next merge, beginning with the shard `first`, of a map whose translation is given.
    func merge(from first: Int, _ translation: (any PlaceTranslation)?, version: Int, finalizes: Bool) -> RunMerge<
        Hash
    >? {
        for step in 0..<shards.count {
            let shard = (first + step) & (shards.count - 1)
            let count = due(shard, finalVersion: finalizes ? version : nil)
            if count == 0 { continue }
            return merge(shard, newest: count, translation, version)
        }
        return nil
    }

    private func merge(
        _ shard: Int,
        newest count: Int,
        _ translation: (any PlaceTranslation)?,
        _ version: Int
    ) -> RunMerge<Hash> {
        RunMerge(
            shard: shard,
            shardBits: shardBits,
            inputs: Array(shards[shard].prefix(count)),
            endsHistory: count == shards[shard].count,
            translation: translation,
            version: version
        )
    }

    /// Merges all runs of the shards that have no room for another one.
    ///
    /// - Returns: keys that have no place in the runs any more, because the translation dropped their rows.
    mutating func makeRoom(_ translation: (any PlaceTranslation)?, version: Int) -> [Hash] {
        var dropped: [Hash] = []
        for shard in shards.indices where shards[shard].count == Self.runsPerShard {
            let merge = merge(shard, newest: shards[shard].count, translation, version)
            dropped += adopt(merge.merged(), of: merge) ?? []
        }
        return dropped
    }

    /// Keys whose newest row in the runs is one that the translation dropped.
    func dropped(_ translation: any PlaceTranslation, version: Int) -> [Hash] {
        shards.indices.flatMap { shard -> [Hash] in
            let runs = shards[shard]
            guard runs.contains(where: { $0.version < version }) else { return [] }
            return merge(shard, newest: runs.count, translation, version).dropped()
        }
    }

    /// Puts the result of a merge in place of its inputs.
    ///
    /// - Returns: keys that have no place in the runs any more, because the translation dropped their rows; nil when the
    ///   inputs are not there any more.
    mutating func adopt(_ merged: MergedRun<Hash>, of merge: RunMerge<Hash>) -> [Hash]? {
        let runs = shards[merge.shard]
        guard let first = runs.firstIndex(where: { $0 === merge.inputs[0] }),
            first + merge.inputs.count <= runs.count,
            zip(runs[first...], merge.inputs).allSatisfy({ $0 === $1 }),
            !merge.endsHistory || first + merge.inputs.count == runs.count
        else { return nil }
        // Runs that were added since the merge began may have other places for these keys.
        let dropped = merged.dropped.filter { hash in
            !runs[..<first].contains { $0.view.mayHold(hash) && $0.view.find(hash) != .none }
        }
        replace(merge.shard, first..<(first + merge.inputs.count), with: merged.run)
        return dropped
    }

    /// Puts a run in place of the same one.
    mutating func move(_ run: KeyRun<Hash>, to moved: KeyRun<Hash>) {
        guard let index = shards[run.shard].firstIndex(where: { $0 === run }) else { return }
        replace(run.shard, index..<(index + 1), with: moved)
    }

    /// The files of all runs.
    var fileNames: Set<String> { Set(shards.lazy.joined().compactMap(\.copy?.file)) }

    /// Files that no run needs any more since the last call.
    mutating func takeUnusedFiles() -> [String] {
        if oldFiles.isEmpty { return [] }
        defer { oldFiles = [] }
        return Array(oldFiles.subtracting(fileNames))
    }

    /// Puts a run in place of neighbours. One without entries leaves nothing.
    private mutating func replace(_ shard: Int, _ old: Range<Int>, with run: KeyRun<Hash>) {
        for gone in shards[shard][old] {
            if let file = gone.copy?.file { oldFiles.insert(file) }
            if !gone.isMapped { byteCount -= gone.body.count }
        }
        let isKept = run.count > 0
        shards[shard].replaceSubrange(old, with: isKept ? [run] : [])
        if isKept, !run.isMapped { byteCount += run.body.count }
        let runs = shards[shard]
        if views.isEmpty { views = Array(repeating: run.view, count: shards.count * Self.runsPerShard) }
        for (index, run) in runs.enumerated() { views[shard * Self.runsPerShard + index] = run.view }
        counts[shard] = Int32(runs.count)
        isEmpty = isEmpty && !isKept
        if !isKept { isEmpty = shards.allSatisfy(\.isEmpty) }
    }
}
