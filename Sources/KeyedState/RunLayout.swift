/// How the entries of a run are packed. Small hashes and places take fewer bytes.
///
/// ```
/// hash   | shard | group | rest                |   only the rest is stored, in `hashBytes`
/// place  | file − firstFile | row (`rowBits`)  |   in `placeBytes`; all ones: the key is removed
/// ```
struct RunLayout: BitwiseCopyable, Equatable, Sendable {
    /// Leading bits of the hash that all entries of the run share.
    let shardBits: UInt8
    /// The next bits of the hash: the number of the group.
    let groupBits: UInt8
    let hashBytes: UInt8
    let placeBytes: UInt8
    let rowBits: UInt8
    let firstFile: UInt32
    let count: Int

    /// Bytes of a group's line: one cache line.
    static let lineBytes = 64
    /// Most entries a group has on average. A filter then has at least seven bits for each.
    private static let groupEntries = 64
    /// Loads of the last entry may read this far behind it.
    private static let slack = 32

    var entryBytes: Int { Int(hashBytes) + Int(placeBytes) }
    var lines: Int { 1 << Int(groupBits) }
    /// Bytes of lines and entries.
    var bodyBytes: Int { (lines * Self.lineBytes + count * entryBytes + Self.slack + 63) & ~63 }

    /// The same of a layout that was read; nil when there cannot be so many.
    var checkedBodyBytes: Int? {
        let (entries, isTooLarge) = count.multipliedReportingOverflow(by: entryBytes)
        return isTooLarge || entries > 1 << 48 ? nil : bodyBytes
    }

    /// The tightest layout for these entries.
    init<Hash: RunHash>(_ entries: UnsafeBufferPointer<RunEntry<Hash>>, shardBits: Int) {
        var first = UInt32.max
        var last: UInt32 = 0
        var rows: UInt32 = 0
        for entry in entries where entry.place.exists {
            first = min(first, entry.place.file)
            last = max(last, entry.place.file)
            rows |= entry.place.row
        }
        if first > last { first = last }
        let rowBits = UInt32.bitWidth - rows.leadingZeroBitCount
        let largest = UInt64(last - first) << UInt64(rowBits) | (1 << UInt64(rowBits) - 1)
        var placeBytes = 1
        while placeBytes < 8, largest >= 1 << UInt64(placeBytes * 8) - 1 { placeBytes += 1 }
        var groupBits = 0
        while entries.count >> groupBits > Self.groupEntries { groupBits += 1 }
        self.shardBits = UInt8(shardBits)
        self.groupBits = UInt8(groupBits)
        hashBytes = UInt8((Hash.bitWidth - shardBits - groupBits + 7) / 8)
        self.placeBytes = UInt8(placeBytes)
        self.rowBits = UInt8(rowBits)
        firstFile = first
        count = entries.count
    }

    /// A layout read from a file; nil when it is none of a run of these hashes.
    init?(
        hashBits: Int,
        shardBits: UInt8,
        groupBits: UInt8,
        hashBytes: UInt8,
        placeBytes: UInt8,
        rowBits: UInt8,
        firstFile: UInt32,
        count: UInt64
    ) {
        let rest = hashBits - Int(shardBits) - Int(groupBits)
        guard shardBits <= 16, groupBits <= 32, Int(hashBytes) == (rest + 7) / 8, (1...8).contains(placeBytes),
            rowBits <= 32, count < 1 << 40
        else { return nil }
        self.shardBits = shardBits
        self.groupBits = groupBits
        self.hashBytes = hashBytes
        self.placeBytes = placeBytes
        self.rowBits = rowBits
        self.firstFile = firstFile
        self.count = Int(count)
    }
}
