import CLinux
import Foundation

/// The memory of a run: what look-ups read.
///
/// ```
/// lines    one for each group     | first entry (40 bits), entries (24) | filter of 448 bits |
/// entries  sorted by hash         | rest of the hash | place |
/// ```
/// A key that is not there costs one cache line. One that is there costs two or three: hashes spread evenly, so the
/// rest of the hash tells about where in its group an entry is.
struct RunView<Hash: RunHash>: BitwiseCopyable, @unchecked Sendable {
    // Valid as long as the run that owns the memory.
    let lines: UnsafeRawPointer
    let entries: UnsafeRawPointer
    let layout: RunLayout

    private static var filterBits: UInt64 { 448 }
    private static var countBits: UInt64 { 24 }

    @inline(__always)
    private var skipped: UInt64 { UInt64(layout.shardBits &+ layout.groupBits) }

    @inline(__always)
    private func group(of hash: Hash) -> Int {
        // Two shifts, because there may be one group, and a shift by all bits is none.
        Int(truncatingIfNeeded: ((hash.top &<< UInt64(layout.shardBits)) &>> 1) &>> (63 &- UInt64(layout.groupBits)))
    }

    @inline(__always)
    private func line(of hash: Hash) -> UnsafeRawPointer { lines + group(of: hash) * RunLayout.lineBytes }

    /// Prefetches what `mayHold` reads.
    @inline(__always)
    func prefetchLine(of hash: Hash) { weir_prefetch(line(of: hash)) }

    /// Four bit numbers of a filter.
    @inline(__always)
    private static func filterBitNumbers(of hash: Hash) -> (UInt64, UInt64, UInt64, UInt64) {
        let mixed = UInt64(truncatingIfNeeded: hash) &* 0x9e37_79b9_7f4a_7c15
        return (
            ((mixed & 0xffff) &* filterBits) &>> 16,
            (((mixed &>> 16) & 0xffff) &* filterBits) &>> 16,
            (((mixed &>> 32) & 0xffff) &* filterBits) &>> 16,
            ((mixed &>> 48) &* filterBits) &>> 16
        )
    }

    @inline(__always)
    private static func bit(_ number: UInt64, of line: UnsafeRawPointer) -> UInt64 {
        line.load(fromByteOffset: 8 &+ Int(truncatingIfNeeded: number &>> 6) &* 8, as: UInt64.self) &>> (number & 63)
    }

    /// Whether the run may hold the hash: always true when it does, and rarely when it does not.
    @inline(__always)
    func mayHold(_ hash: Hash) -> Bool {
        let line = line(of: hash)
        let (a, b, c, d) = Self.filterBitNumbers(of: hash)
        return (Self.bit(a, of: line) & Self.bit(b, of: line) & Self.bit(c, of: line) & Self.bit(d, of: line)) & 1 == 1
    }

    /// The group's entries, and where in it the hash is about.
    @inline(__always)
    private func guess(_ hash: Hash) -> (first: Int, end: Int, at: Int) {
        let word = line(of: hash).load(as: UInt64.self)
        let first = Int(truncatingIfNeeded: word &>> Self.countBits)
        let count = word & (1 &<< Self.countBits &- 1)
        let fraction = (hash.top &<< skipped) &>> 32
        return (
            first, first &+ Int(truncatingIfNeeded: count), first &+ Int(truncatingIfNeeded: (fraction &* count) &>> 32)
        )
    }

    /// Prefetches the entry where `find` begins.
    @inline(__always)
    func prefetchEntry(of hash: Hash) { weir_prefetch(entries + guess(hash).at * layout.entryBytes) }

    @inline(__always)
    private func rest(_ entry: Int) -> Hash {
        let bits = Hash(truncatingIfNeeded: Hash.bitWidth &- Int(layout.hashBytes) &* 8)
        return (entries + entry * layout.entryBytes).loadUnaligned(as: Hash.self) & (Hash.max &>> bits)
    }

    @inline(__always)
    private func place(_ entry: Int) -> KeyPlace {
        let stored = (entries + entry * layout.entryBytes + Int(layout.hashBytes)).loadUnaligned(as: UInt64.self)
        let mask = UInt64.max &>> (64 &- UInt64(layout.placeBytes) &* 8)
        let packed = stored & mask
        if packed == mask { return .removed }
        let rowBits = UInt64(layout.rowBits)
        let file = UInt64(layout.firstFile) &+ (packed &>> rowBits)
        return KeyPlace(word: file &<< 32 | (packed & (1 &<< rowBits &- 1)))
    }

    /// The place of a hash; `removed` for a removed key; `none` when the run does not have it.
    @inline(__always)
    func find(_ hash: Hash) -> KeyPlace {
        let (first, end, guess) = guess(hash)
        if first == end { return .none }
        let wanted = hash & (Hash.max &>> Hash(truncatingIfNeeded: skipped))
        var entry = guess
        var found = rest(entry)
        if found < wanted {
            repeat {
                entry += 1
                if entry == end { return .none }
                found = rest(entry)
            } while found < wanted
        } else {
            while found > wanted {
                if entry == first { return .none }
                entry -= 1
                found = rest(entry)
            }
        }
        return found == wanted ? place(entry) : .none
    }

    /// Whether lines refer to entries that are there.
    var isSound: Bool {
        var next = 0
        for line in 0..<layout.lines {
            let word = lines.load(fromByteOffset: line * RunLayout.lineBytes, as: UInt64.self)
            guard Int(word >> Self.countBits) == next else { return false }
            next += Int(word & (1 << Self.countBits - 1))
        }
        return next == layout.count
    }

    /// Calls `body` with all entries, in the order of their hashes.
    @inline(__always)
    func forEach(shard: Int, _ body: (RunEntry<Hash>) -> Void) {
        var entry = 0
        let low = Hash.bitWidth - Int(skipped)
        for group in 0..<layout.lines {
            let word = lines.load(fromByteOffset: group * RunLayout.lineBytes, as: UInt64.self)
            let head = Hash(shard << Int(layout.groupBits) | group) << low
            for _ in 0..<Int(word & (1 << Self.countBits - 1)) {
                body(RunEntry(hash: head | rest(entry), place: place(entry)))
                entry += 1
            }
        }
    }

    /// Packs entries, sorted by hash and without repeats, into zeroed memory of `layout.bodyBytes`.
    static func write(
        _ sorted: UnsafeBufferPointer<RunEntry<Hash>>,
        _ layout: RunLayout,
        to body: UnsafeMutableRawPointer
    ) {
        let view = RunView(lines: body, entries: body + layout.lines * RunLayout.lineBytes, layout: layout)
        let first = UInt64(layout.firstFile)
        let restMask = Hash.max >> Hash(view.skipped)
        let rowBits = UInt64(layout.rowBits)
        var target = body + layout.lines * RunLayout.lineBytes
        var next = 0
        for group in 0..<layout.lines {
            let line = body + group * RunLayout.lineBytes
            let start = next
            while next < sorted.count, view.group(of: sorted[next].hash) == group {
                let entry = sorted[next]
                let (a, b, c, d) = filterBitNumbers(of: entry.hash)
                for number in [a, b, c, d] {
                    let offset = 8 + Int(number >> 6) * 8
                    let bits = line.load(fromByteOffset: offset, as: UInt64.self)
                    line.storeBytes(of: bits | 1 << (number & 63), toByteOffset: offset, as: UInt64.self)
                }
                // Each store writes more bytes than it needs; the next one covers them.
                target.storeBytes(of: entry.hash & restMask, as: Hash.self)
                let place = entry.place
                let packed =
                    place.exists ? (UInt64(place.file) - first) << rowBits | UInt64(place.row) : UInt64.max
                (target + Int(layout.hashBytes)).storeBytes(of: packed, as: UInt64.self)
                target += layout.entryBytes
                next += 1
            }
            precondition(next - start < 1 << 24, "hashes spread evenly over groups")
            line.storeBytes(of: UInt64(start) << countBits | UInt64(next - start), as: UInt64.self)
        }
        // What the last entry wrote behind itself.
        memset(target, 0, 16)
    }
}
