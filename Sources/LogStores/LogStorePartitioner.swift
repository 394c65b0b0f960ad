import Bytes
import Columnar

/// Chooses the partition of each row (mixed format, section 8.4): by the hash of its primary key (section 3.2), or
/// round-robin for tables without a primary key.
public struct LogStorePartitioner: Sendable {
    /// Ascending.
    public let partitions: [Int]
    /// Column indexes of the key, in key order; empty without a key.
    public let primaryKey: [Int]
    private var turn = 0

    public init(partitions: [Int], primaryKey: [Int]) throws(WeirError) {
        guard !partitions.isEmpty else { throw WeirError(.invalid, "a log store's topic needs at least one partition") }
        self.partitions = partitions.sorted()
        self.primaryKey = primaryKey
    }

    /// Splits rows by partition, keeping their order. Without a key, rows are distributed round-robin.
    public mutating func split(_ rows: ColumnBatch) -> LogStoreSplit {
        let count = UInt32(truncatingIfNeeded: partitions.count)
        guard count > 1 else { return LogStoreSplit(all: rows.count) }
        guard !primaryKey.isEmpty else {
            let first = turn
            turn = (turn + rows.count) % partitions.count
            return LogStoreSplit(rows: rows.count, partitions: partitions.count) { (first + $0) % Int(count) }
        }
        let hashes = KeyHash.hashes(of: primaryKey.map { rows.columns[$0] }, count: rows.count)
        return hashes.withUnsafeBufferPointer { hashes in
            LogStoreSplit(rows: rows.count, partitions: partitions.count) { row in
                Int(UInt32(bitPattern: hashes[row]) % count)
            }
        }
    }

    /// The same, but without a key whole batches instead of rows are distributed round-robin.
    public mutating func splitWhole(_ rows: ColumnBatch) -> LogStoreSplit {
        guard primaryKey.isEmpty, partitions.count > 1 else { return split(rows) }
        let target = turn
        turn = (turn + 1) % partitions.count
        return LogStoreSplit(rows: rows.count, partitions: partitions.count) { _ in target }
    }
}

/// Rows grouped by their target partition.
public struct LogStoreSplit: Sendable {
    /// Row indexes, grouped by partition in ascending order.
    private let rows: [Int32]
    /// The end index of each partition's rows in `rows`.
    private let ends: [Int]

    init(all count: Int) {
        rows = (0..<count).map { Int32(truncatingIfNeeded: $0) }
        ends = [count]
    }

    init(rows count: Int, partitions: Int, _ target: (Int) -> Int) {
        let targets = [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
            for row in 0..<count { buffer[row] = Int32(truncatingIfNeeded: target(row)) }
            initialized = count
        }
        var next = [Int](repeating: 0, count: partitions + 1)
        for target in targets { next[Int(target) + 1] += 1 }
        for index in 0..<partitions { next[index + 1] += next[index] }
        rows = [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
            for row in 0..<count {
                let target = Int(targets[row])
                buffer[next[target]] = Int32(truncatingIfNeeded: row)
                next[target] += 1
            }
            initialized = count
        }
        ends = Array(next.prefix(partitions))
    }

    /// The rows of the partition at index `index` of the ascending list.
    public func rows(at index: Int) -> ArraySlice<Int32> {
        rows[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
    }
}
