import IcebergFormat

/// Counts what a snapshot adds and removes, and writes them under Java's summary keys.
struct SnapshotSummary {
    private var counts: [String: Int64] = [:]
    private var partitions: Set<PartitionKey> = []

    mutating func add(_ file: DataFile) { count(file, added: true) }
    mutating func remove(_ file: DataFile) { count(file, added: false) }

    private mutating func count(_ file: DataFile, added: Bool) {
        partitions.insert(PartitionKey(specId: file.specId, values: file.partition))
        let verb = added ? "added" : "removed"
        counts["\(verb)-files-size", default: 0] += file.fileSize
        switch file.content {
        case .data:
            counts[added ? "added-data-files" : "deleted-data-files", default: 0] += 1
            counts[added ? "added-records" : "deleted-records", default: 0] += file.recordCount
        case .positionDeletes, .equalityDeletes:
            let kind = file.content == .positionDeletes ? "position" : "equality"
            counts["\(verb)-delete-files", default: 0] += 1
            counts["\(verb)-\(kind)-delete-files", default: 0] += 1
            counts["\(verb)-\(kind)-deletes", default: 0] += file.recordCount
        }
    }

    private static let totals = [
        ("total-records", "added-records", "deleted-records"),
        ("total-files-size", "added-files-size", "removed-files-size"),
        ("total-data-files", "added-data-files", "deleted-data-files"),
        ("total-delete-files", "added-delete-files", "removed-delete-files"),
        ("total-position-deletes", "added-position-deletes", "removed-position-deletes"),
        ("total-equality-deletes", "added-equality-deletes", "removed-equality-deletes"),
    ]

    /// The entries of the new snapshot. A total that the parent does not state cannot be continued and is left out.
    func entries(after parent: Snapshot?) -> [String: String] {
        var result: [String: String] = ["changed-partition-count": String(partitions.count)]
        for (key, value) in counts where value > 0 { result[key] = String(value) }
        for (total, added, removed) in Self.totals {
            let previous = parent == nil ? 0 : parent?.summary[total].flatMap { Int64($0) }
            guard let previous else { continue }
            let value = previous &+ counts[added, default: 0] &- counts[removed, default: 0]
            if value >= 0 { result[total] = String(value) }
        }
        return result
    }
}
