import IcebergFormat
import Values

/// Counts the files and rows that a snapshot adds and removes, with Java's summary keys.
struct SnapshotSummary {
    private var counts: [String: Int64] = [:]
    private var partitions: Set<PartitionKey> = []

    mutating func add(_ file: DataFile) { count(file, added: true) }
    mutating func remove(_ file: DataFile) { count(file, added: false) }

    private mutating func count(_ file: DataFile, added: Bool) {
        partitions.insert(PartitionKey(specId: file.specId, values: file.partition))
        let verb = added ? "added" : "removed"
        add(file.contentBytes, to: "\(verb)-files-size")
        switch file.content {
        case .data:
            add(1, to: added ? "added-data-files" : "deleted-data-files")
            add(file.recordCount, to: added ? "added-records" : "deleted-records")
        case .positionDeletes, .equalityDeletes:
            let kind = file.content == .positionDeletes ? "position" : "equality"
            add(1, to: "\(verb)-delete-files")
            add(1, to: file.isDeletionVector ? "\(verb)-dvs" : "\(verb)-\(kind)-delete-files")
            add(file.recordCount, to: "\(verb)-\(kind)-deletes")
        }
    }

    /// Clamped, since the counts of files from other writers may have any value.
    private mutating func add(_ number: Int64, to key: String) {
        counts[key] = counts[key, default: 0].addingClamped(number)
    }

    private static let totals = [
        ("total-records", "added-records", "deleted-records"),
        ("total-files-size", "added-files-size", "removed-files-size"),
        ("total-data-files", "added-data-files", "deleted-data-files"),
        ("total-delete-files", "added-delete-files", "removed-delete-files"),
        ("total-position-deletes", "added-position-deletes", "removed-position-deletes"),
        ("total-equality-deletes", "added-equality-deletes", "removed-equality-deletes"),
    ]

    /// The summary of the new snapshot. A total that the parent lacks or that is not a valid number is omitted.
    func entries(after parent: Snapshot?) -> [String: String] {
        var result: [String: String] = ["changed-partition-count": String(partitions.count)]
        for (key, value) in counts where value > 0 { result[key] = String(value) }
        for (total, added, removed) in Self.totals {
            let previous = parent == nil ? 0 : parent?.summary[total].flatMap { Int64($0) }
            guard let previous else { continue }
            let value = Int128(previous) + Int128(counts[added, default: 0]) - Int128(counts[removed, default: 0])
            if value >= 0, let total64 = Int64(exactly: value) { result[total] = String(total64) }
        }
        return result
    }
}
