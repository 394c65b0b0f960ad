import Bytes
import IcebergFormat

/// The files that one snapshot adds and removes.
struct SnapshotChange: Sendable {
    var added: [DataFile] = []
    var addedDeletes: [DataFile] = []
    var removed: [DataFile] = []
    /// Removed data files that are known only by path.
    var removedPaths: Set<String> = []
    var removedDeletes: [DataFile] = []
    var summary: [String: String] = [:]
    /// Makes further entries of the summary.
    var summaryEntries: [@Sendable (TableMetadata) throws(WeirError) -> [String: String]] = []
    /// Nil to infer it from the files.
    var operation: SnapshotOperation?
    /// The snapshot the caller read to find its files; commits since then are checked for conflicts.
    var validateFrom: Start?
    /// Of the added data files; nil for that of the commit.
    var dataSequenceNumber: Int64?

    struct Start: Sendable {
        let id: Int64
        /// Nil if the table did not have the snapshot.
        let sequenceNumber: Int64?
    }

    var removesFiles: Bool { !removed.isEmpty || !removedPaths.isEmpty || !removedDeletes.isEmpty }

    /// Position deletes are deletion vectors in format version 3, and files of their own before.
    func checkDeletes(formatVersion: Int, at location: String) throws(WeirError) {
        for file in addedDeletes where file.content == .positionDeletes && file.isDeletionVector != (formatVersion > 2)
        {
            // The table may have been upgraded after the file was written.
            throw WeirError(
                .conflict,
                file.isDeletionVector
                    ? "a deletion vector cannot be added to a table of format version \(formatVersion)"
                    : "a position-delete file cannot be added to a table of format version \(formatVersion), whose deletes "
                        + "are deletion vectors",
                at: location,
                advice: "plan again from the current snapshot"
            )
        }
        let vectors = addedDeletes.filter(\.isDeletionVector)
        var referenced: Set<String> = []
        for file in vectors {
            guard let path = file.referencedDataFile, file.contentOffset != nil, file.contentSize != nil else {
                throw WeirError(.invalid, "a deletion vector lacks its data file or its place", at: file.path)
            }
            guard referenced.insert(path).inserted else {
                throw WeirError(.invalid, "a data file gets two deletion vectors", at: path)
            }
        }
    }

    /// The operation, with the rules of Java's row delta and overwrite.
    func inferredOperation(fallback: SnapshotOperation) -> SnapshotOperation {
        if let operation { return operation }
        let removesData = !removed.isEmpty || !removedPaths.isEmpty
        if !removesData, addedDeletes.isEmpty, removedDeletes.isEmpty { return fallback }
        if added.isEmpty, removedDeletes.isEmpty { return .delete }
        return .overwrite
    }
}

/// The `operation` field of a snapshot summary.
public enum SnapshotOperation: String, Sendable {
    /// Only data files were added.
    case append
    /// Files were rewritten with the same rows: compaction.
    case replace
    case overwrite
    /// Rows were only deleted.
    case delete
}
