import IcebergFormat
import IcebergTables

/// Which data files of base have only rows that are too old (spec section 10.8): a decision without I/O.
public struct DataExpiry: Sendable {
    public private(set) var due: [FileScanTask] = []
    /// Partitions that are old enough and have changes that base lacks. They expire once these are in base, which
    /// cannot bring back what was removed then.
    public private(set) var waiting = 0

    /// - Parameters:
    ///   - files: the data files of base.
    ///   - unmerged: the change files that base lacks.
    ///   - youngest: the time of the youngest row that a file may have, milliseconds since 1970; nil if it cannot be told,
    ///     which keeps the file.
    ///   - limitMs: rows of this time and older expire.
    public init(
        _ files: [FileScanTask],
        unmerged: [FileScanTask],
        level: DataExpirySettings.Level,
        youngest: (DataFile) -> Int64?,
        limitMs: Int64
    ) {
        func isOld(_ file: FileScanTask) -> Bool { youngest(file.file).map { $0 <= limitMs } ?? false }
        guard level == .partition else {
            due = files.filter(isOld)
            return
        }
        let pending = Set(unmerged.map { PartitionKey($0.file) })
        var partitions: [(key: PartitionKey, files: [FileScanTask])] = []
        var places: [PartitionKey: Int] = [:]
        for file in files {
            let key = PartitionKey(file.file)
            if let place = places[key] {
                partitions[place].files.append(file)
            } else {
                places[key] = partitions.count
                partitions.append((key, [file]))
            }
        }
        for partition in partitions where partition.files.allSatisfy(isOld) {
            if pending.contains(partition.key) { waiting += 1 } else { due += partition.files }
        }
    }
}
