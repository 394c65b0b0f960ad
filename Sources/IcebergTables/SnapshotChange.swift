import IcebergFormat

/// What one snapshot does to the files of a table.
struct SnapshotChange: Sendable {
    var added: [DataFile] = []
    var addedDeletes: [DataFile] = []
    var removed: [DataFile] = []
    /// Data files known by their path alone.
    var removedPaths: Set<String> = []
    var removedDeletes: [DataFile] = []
    var summary: [String: String] = [:]
    /// Properties of the table that the summary repeats.
    var summaryProperties: [String] = []
    /// Fixed by the caller, otherwise it follows from the files.
    var operation: SnapshotOperation?
    /// The snapshot the caller read to find its files; commits since then are checked for conflicts.
    var validateFrom: Int64?

    var removesFiles: Bool { !removed.isEmpty || !removedPaths.isEmpty || !removedDeletes.isEmpty }

    /// The operation as Java's row delta and overwrite name it.
    func inferredOperation(fallback: SnapshotOperation) -> SnapshotOperation {
        if let operation { return operation }
        let removesData = !removed.isEmpty || !removedPaths.isEmpty
        if !removesData, addedDeletes.isEmpty, removedDeletes.isEmpty { return fallback }
        if added.isEmpty, removedDeletes.isEmpty { return .delete }
        return .overwrite
    }
}

/// The summary's word for what a snapshot did.
public enum SnapshotOperation: String, Sendable {
    /// Data files were added, nothing else.
    case append
    /// The same rows in other files: compaction.
    case replace
    case overwrite
    /// Rows went, none came.
    case delete
}
