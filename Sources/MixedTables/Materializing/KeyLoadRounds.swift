import Foundation

/// Divides the files of base into rounds of loading. The keys of one round are held beside the index until they are part
/// of it, so that loading takes little more memory than its result.
struct KeyLoadRounds {
    /// Rows of a round of a small table.
    private static let rowsMin: Int64 = 4 << 20
    /// Files that are read at the same time, even if they are large.
    private let filesMin: Int
    private let rowsMax: Int64

    /// - Parameter rowsMax: rows of a round, unless so few files have more.
    init(processors: Int = ProcessInfo.processInfo.activeProcessorCount, rowsMax: Int64 = .max) {
        filesMin = max(1, min(8, processors))
        self.rowsMax = rowsMax
    }

    /// How many of the files that are left come next.
    ///
    /// - Parameters:
    ///   - rows: of each file that is left.
    ///   - loaded: rows that are in the index.
    func next(_ rows: some Sequence<Int64>, loaded: Int64) -> Int {
        let limit = min(max(Self.rowsMin, loaded / 4), rowsMax)
        var (files, sum): (Int, Int64) = (0, 0)
        for count in rows {
            let (next, isTooMany) = sum.addingReportingOverflow(count)
            if files >= filesMin, isTooMany || next > limit { break }
            sum = isTooMany ? .max : next
            files += 1
        }
        return files
    }
}
