/// Where the live rows of a rewritten data file are now: runs of rows that stayed side by side. A row in no run is gone.
///
/// A rewrite that keeps the order of its input has a run for each gap that deleted rows leave, whatever the number of
/// rows.
struct RowMap: Sendable, Equatable {
    struct Run: Sendable, Equatable, BitwiseCopyable {
        /// The first row in the old file.
        var first: UInt32
        var count: UInt32
        /// The index of the new file in its rewrite, and the row there of the first one.
        var output: UInt32
        var outputFirst: UInt32
    }

    /// In ascending order of `first`.
    private(set) var runs: [Run] = []
    private(set) var rowCount = 0

    /// Bytes of memory.
    var byteCount: Int { runs.capacity * MemoryLayout<Run>.stride }

    /// Notes rows `first..<first + count` of the old file. They come in ascending order.
    mutating func append(from first: UInt32, count: Int, to output: UInt32, at outputFirst: UInt32) {
        guard count > 0 else { return }
        rowCount += count
        let (count, last) = (UInt32(count), runs.count - 1)
        if last >= 0 {
            let run = runs[last]
            precondition(run.first + run.count <= first, "rows of a file are mapped in ascending order")
            if run.output == output, run.first + run.count == first, run.outputFirst + run.count == outputFirst {
                runs[last].count += count
                return
            }
        }
        runs.append(Run(first: first, count: count, output: output, outputFirst: outputFirst))
    }

    /// Notes some rows of the old file, in ascending order, that lie side by side in the new one.
    mutating func append(rows: [Int32], offset: UInt32, to output: UInt32, at outputFirst: UInt32) {
        var index = 0
        while index < rows.count {
            var end = index + 1
            while end < rows.count, rows[end] == rows[end - 1] + 1 { end += 1 }
            append(
                from: offset + UInt32(rows[index]),
                count: end - index,
                to: output,
                at: outputFirst + UInt32(index)
            )
            index = end
        }
    }

    /// The place of a row of the old file; nil for one that was deleted.
    subscript(row: UInt32) -> (output: UInt32, row: UInt32)? {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first <= row { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let run = runs[low - 1]
        let distance = row - run.first
        return distance < run.count ? (run.output, run.outputFirst + distance) : nil
    }
}
