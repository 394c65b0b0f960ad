import Columnar
import IcebergFormat
import IcebergTables

/// The change files that one materializing commit moves into base: whole commits of the change store, oldest first.
struct ChangeSlice: Sendable {
    let files: [FileScanTask]
    /// The highest data sequence number of its files, by partition path.
    let sequences: [String: Int64]
    /// The newest transaction among its files. The rows that it adds to base get it (spec section 5.3).
    let transactionId: Int64
    /// All change files up to this data sequence number are in base once the slice is.
    let upTo: Int64
    /// Whether no change files remain.
    let isLast: Bool

    /// Takes commits until their files have `bytesMax` bytes. Nil when there are no files.
    ///
    /// Later commits must not hold an older transaction than the slice does: rows in base come after everything of
    /// their transaction. With such commits, which only engines make that allocate transactions (spec section 4.6), the
    /// slice is longer.
    ///
    /// - Parameters:
    ///   - pending: change files that are not in base.
    ///   - spec: the partition spec of the files.
    init?(_ pending: [FileScanTask], bytesMax: Int64, spec: PartitionSpec) {
        if pending.isEmpty { return nil }
        let groups = Dictionary(grouping: pending, by: \.dataSequenceNumber).sorted { $0.key < $1.key }
        let transactions = groups.map { group in
            group.value.map { FileRole.change(path: $0.file.path, dataSequenceNumber: group.key).transactionId }
        }
        /// The oldest transaction from each group on.
        var oldest = [Int64](repeating: .max, count: groups.count + 1)
        for index in groups.indices.reversed() {
            oldest[index] = min(oldest[index + 1], transactions[index].min() ?? .max)
        }
        var files: [FileScanTask] = []
        var (bytes, newest, upTo): (Int64, Int64, Int64) = (0, 0, 0)
        for (index, group) in groups.enumerated() {
            files += group.value
            bytes = group.value.reduce(bytes) { $0.addingClamped($1.file.fileSize) }
            newest = max(newest, transactions[index].max() ?? 0)
            upTo = group.key
            if bytes >= bytesMax, newest < oldest[index + 1] { break }
        }
        self.files = files
        self.upTo = upTo
        transactionId = newest
        var sequences: [String: Int64] = [:]
        for file in files {
            let path = spec.path(for: file.file.partition)
            sequences[path] = max(sequences[path] ?? 0, file.dataSequenceNumber)
        }
        self.sequences = sequences
        isLast = files.count == pending.count
    }
}
