import Bytes

/// The deleted rows of one data file: a bit a row, as long as the highest of them.
///
/// This is what position deletes and deletion vectors say, whatever form they are stored in.
struct DeletedRows: Sendable, Equatable {
    private(set) var words: [UInt64] = []
    private(set) var count = 0

    init() {}

    /// Positions that a file of this many rows does not have are left out: a damaged or foreign delete file may hold
    /// any number.
    init(_ positions: some Sequence<Int64>, rowCount: Int64) {
        for position in positions where position >= 0 && position < min(rowCount, Int64(UInt32.max)) {
            insert(UInt32(position))
        }
    }

    /// The rows of a bitmap; nil if it has rows that the file does not have.
    init?(words: [UInt64], rowCount: Int64) {
        let top = words.lastIndex { $0 != 0 }.map { Int64($0) << 6 + Int64(63 - words[$0].leadingZeroBitCount) }
        if let top, top >= rowCount { return nil }
        self.words = words
        count = words.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    func contains(_ row: UInt32) -> Bool {
        let word = Int(row >> 6)
        return word < words.count && words[word] & (1 << UInt64(row & 63)) != 0
    }

    @inline(__always)
    mutating func insert(_ row: UInt32) {
        let word = Int(row >> 6)
        if word >= words.count { grow(to: word + 1) }
        let bit = UInt64(1) << UInt64(row & 63)
        if words[word] & bit != 0 { return }
        words[word] |= bit
        count += 1
    }

    private mutating func grow(to size: Int) {
        // Rows come in no order; growing by halves keeps the number of moves small.
        words.reserveCapacity(max(size, words.count + words.count / 2))
        words.append(contentsOf: repeatElement(0, count: size - words.count))
    }

    mutating func formUnion(_ other: DeletedRows) {
        if other.words.count > words.count { grow(to: other.words.count) }
        count = 0
        for index in words.indices {
            if index < other.words.count { words[index] |= other.words[index] }
            count += words[index].nonzeroBitCount
        }
    }

    func isSuperset(of other: DeletedRows) -> Bool {
        for (index, word) in other.words.enumerated() where word & ~(index < words.count ? words[index] : 0) != 0 {
            return false
        }
        return true
    }

    /// Calls `body` with the deleted rows in ascending order, some at a time.
    func forEachBlock(of size: Int, _ body: ([Int64]) throws(WeirError) -> Void) throws(WeirError) {
        var block: [Int64] = []
        block.reserveCapacity(min(size, count))
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                block.append(Int64(index << 6 + rest.trailingZeroBitCount))
                rest &= rest - 1
                if block.count == size {
                    try body(block)
                    block.removeAll(keepingCapacity: true)
                }
            }
        }
        if !block.isEmpty { try body(block) }
    }

    /// The rows from `first` on, `count` of them, that are not deleted, counted from `first`.
    func survivors(from first: UInt32, count: Int) -> [Int32] {
        var rows: [Int32] = []
        rows.reserveCapacity(count)
        for row in 0..<count where !contains(first + UInt32(row)) { rows.append(Int32(row)) }
        return rows
    }
}
