import Columnar

/// Rows that wait to be written, each with the number of its file.
///
/// ```
/// parts of each column   [batch 0 | batch 1 | …]    in the order they came
/// files                  [0 2 0 1 … | 2 2 0 …]      one number a row
/// take ─> counting sort by file ─> one copy of each column, the rows of a file side by side
/// ```
/// The values of a batch are moved in bulk, however many files the batch is split over.
struct StagedRows {
    private let schema: Schema
    /// The parts of each column.
    private var parts: [[ColumnVector]]
    private var files: [[UInt32]] = []
    /// Number of waiting rows, by file.
    private var counts: [Int] = []
    private(set) var rowCount = 0
    private(set) var byteCount = 0
    /// Number of files with waiting rows.
    private(set) var fileCount = 0

    init(schema: Schema) {
        self.schema = schema
        parts = Array(repeating: [], count: schema.count)
    }

    /// - Parameter numbers: the file of each row.
    mutating func append(_ batch: ColumnBatch, files numbers: [UInt32]) {
        precondition(numbers.count == batch.count, "every row goes to a file")
        for column in parts.indices { parts[column].append(batch.columns[column]) }
        files.append(numbers)
        rowCount += batch.count
        byteCount += batch.byteCount
        for number in numbers {
            let number = Int(number)
            if number >= counts.count {
                counts.append(contentsOf: repeatElement(0, count: number + 1 - counts.count))
            }
            if counts[number] == 0 { fileCount += 1 }
            counts[number] += 1
        }
    }

    /// The files with waiting rows, in ascending order.
    var waiting: [Int] { counts.indices.filter { counts[$0] > 0 } }

    /// The files with the most rows that together hold half of all rows, in ascending order.
    var largest: [Int] {
        var chosen: [Int] = []
        var rows = 0
        for file in waiting.sorted(by: { (counts[$1], $0) < (counts[$0], $1) }) where rows * 2 < rowCount {
            chosen.append(file)
            rows += counts[file]
        }
        return chosen.sorted()
    }

    /// Rows of several files, grouped by file.
    struct Taken {
        let rows: ColumnBatch
        /// The start of each file's rows, in the order the files were requested, and the end of the last.
        let starts: [Int]

        func rows(of file: Int) -> ColumnBatch {
            rows.sliced(from: starts[file], count: starts[file + 1] - starts[file])
        }
    }

    /// Removes and returns the rows of the given files. Rows of one file keep their order.
    mutating func take(_ chosen: [Int]) -> Taken {
        var starts = [0]
        // The index for the next row of each file; −1 for files whose rows stay.
        var next = [Int](repeating: -1, count: counts.count)
        for file in chosen {
            let start = starts[starts.count - 1]
            next[file] = start
            starts.append(start + counts[file])
        }
        let total = starts[starts.count - 1]
        var staying: [RowPick] = []
        var stayingFiles: [UInt32] = []
        staying.reserveCapacity(rowCount - total)
        stayingFiles.reserveCapacity(rowCount - total)
        var picks = [RowPick](repeating: RowPick(source: 0, row: 0), count: total)
        for (source, numbers) in files.enumerated() {
            for (row, number) in numbers.enumerated() {
                let pick = RowPick(source: Int32(source), row: Int32(row))
                let index = next[Int(number)]
                if index >= 0 {
                    picks[index] = pick
                    next[Int(number)] = index + 1
                } else {
                    staying.append(pick)
                    stayingFiles.append(number)
                }
            }
        }
        var columns: [ColumnVector] = []
        for column in parts.indices {
            // Release a column's parts as soon as it is copied, so that the rows are not held twice.
            let sources = parts[column]
            let type = schema.fields[column].type
            columns.append(.interleaved(sources, type: type, picks: picks))
            parts[column] = staying.isEmpty ? [] : [.interleaved(sources, type: type, picks: staying)]
        }
        for file in chosen where counts[file] > 0 {
            fileCount -= 1
            counts[file] = 0
        }
        files = staying.isEmpty ? [] : [stayingFiles]
        rowCount = staying.count
        byteCount = parts.reduce(0) { $1.reduce($0) { $0 + $1.byteCount } }
        return Taken(rows: ColumnBatch(schema: schema, columns: columns, count: total), starts: starts)
    }

    /// Drops all rows.
    mutating func removeAll() { self = StagedRows(schema: schema) }
}
