/// Sorting of entries by hash, in linear time: hashes spread evenly.
enum EntrySort {
    /// Entries of a bucket that are still sorted by insertion. Only repeated keys make a larger one.
    private static let insertionEntries = 48

    /// The number of an entry's shard.
    @inline(__always)
    static func shard<Hash: RunHash>(_ hash: Hash, _ shardBits: Int) -> Int {
        Int(truncatingIfNeeded: (hash.top &>> 1) &>> UInt64(63 &- shardBits))
    }

    /// Groups entries by shard.
    ///
    /// - Returns: the entries, and where each shard begins in them, with the end as the last number.
    static func sharded<Hash: RunHash>(
        count: Int,
        shardBits: Int,
        _ entry: (Int) -> RunEntry<Hash>
    ) -> (entries: [RunEntry<Hash>], starts: [Int]) {
        var starts = [Int](repeating: 0, count: 1 << shardBits + 1)
        // An array that is made in place writes its count, and empty ones share their memory between threads.
        if count == 0 { return ([], starts) }
        for index in 0..<count { starts[shard(entry(index).hash, shardBits) + 1] += 1 }
        for shard in 1..<starts.count { starts[shard] += starts[shard - 1] }
        var next = starts
        let entries = [RunEntry<Hash>](unsafeUninitializedCapacity: count) { target, filled in
            next.withUnsafeMutableBufferPointer { next in
                for index in 0..<count {
                    let entry = entry(index)
                    let shard = shard(entry.hash, shardBits)
                    target[next[shard]] = entry
                    next[shard] += 1
                }
            }
            filled = count
        }
        return (entries, starts)
    }

    /// Sorts the entries of one shard, which come in parts.
    static func sorted<Hash: RunHash>(_ parts: [ArraySlice<RunEntry<Hash>>], shardBits: Int) -> [RunEntry<Hash>] {
        let count = parts.reduce(0) { $0 + $1.count }
        if count == 0 { return [] }
        // About four entries a bucket.
        let bucketBits = max(0, Int.bitWidth - count.leadingZeroBitCount - 2)
        var next = [Int32](repeating: 0, count: 1 << bucketBits + 1)
        func bucket(_ hash: Hash) -> Int {
            Int(truncatingIfNeeded: ((hash.top &<< UInt64(shardBits)) &>> 1) &>> UInt64(63 &- bucketBits))
        }
        return [RunEntry<Hash>](unsafeUninitializedCapacity: count) { target, filled in
            next.withUnsafeMutableBufferPointer { next in
                for part in parts {
                    part.withUnsafeBufferPointer { for entry in $0 { next[bucket(entry.hash) + 1] += 1 } }
                }
                for bucket in 1..<next.count { next[bucket] += next[bucket - 1] }
                for part in parts {
                    part.withUnsafeBufferPointer { part in
                        for entry in part {
                            let bucket = bucket(entry.hash)
                            target[Int(next[bucket])] = entry
                            next[bucket] += 1
                        }
                    }
                }
                // Now `next` of a bucket is its end.
                var start = 0
                for bucket in 0..<(next.count - 1) {
                    let end = Int(next[bucket])
                    sort(target, start, end)
                    start = end
                }
            }
            filled = count
        }
    }

    private static func sort<Hash: RunHash>(
        _ entries: UnsafeMutableBufferPointer<RunEntry<Hash>>,
        _ start: Int,
        _ end: Int
    ) {
        if end - start > insertionEntries {
            entries[start..<end].sort { ($0.hash, $0.place.word) < ($1.hash, $1.place.word) }
            return
        }
        var index = start + 1
        while index < end {
            let entry = entries[index]
            var gap = index
            while gap > start, entries[gap - 1].hash > entry.hash {
                entries[gap] = entries[gap - 1]
                gap -= 1
            }
            entries[gap] = entry
            index += 1
        }
    }

    /// Keeps one entry of each hash, the one with the highest place.
    ///
    /// - Parameter onDrop: called with the place of every other entry.
    static func removeRepeats<Hash: RunHash>(_ entries: inout [RunEntry<Hash>], _ onDrop: (KeyPlace) -> Void) {
        if entries.isEmpty { return }
        let kept = entries.withUnsafeMutableBufferPointer { entries in
            var last = 0
            for index in 1..<entries.count {
                let entry = entries[index]
                if entry.hash == entries[last].hash {
                    if entry.place.word > entries[last].place.word {
                        onDrop(entries[last].place)
                        entries[last] = entry
                    } else {
                        onDrop(entry.place)
                    }
                } else {
                    last += 1
                    entries[last] = entry
                }
            }
            return last + 1
        }
        entries.removeLast(entries.count - kept)
    }
}
