import Bytes

/// A file in a manifest, with its status in the snapshot.
public struct ManifestEntry: Hashable, Sendable {
    public enum Status: Int, Hashable, Sendable {
        case existing = 0
        case added = 1
        case deleted = 2
    }

    public var status: Status
    /// The snapshot that added the file, or deleted it if the status is deleted.
    public var snapshotId: Int64?
    /// Decides which deletes apply to the file's rows. Nil in a new entry, which inherits the number of the commit.
    public var dataSequenceNumber: Int64?
    /// The sequence number of the commit that added the file.
    public var fileSequenceNumber: Int64?
    public var file: DataFile

    public init(
        status: Status,
        snapshotId: Int64?,
        dataSequenceNumber: Int64? = nil,
        fileSequenceNumber: Int64? = nil,
        file: DataFile
    ) {
        self.status = status
        self.snapshotId = snapshotId
        self.dataSequenceNumber = dataSequenceNumber
        self.fileSequenceNumber = fileSequenceNumber
        self.file = file
    }

    public var isLive: Bool { status != .deleted }

    /// Fills in the values that the entry inherits from its manifest (spec, "Sequence Number Inheritance").
    mutating func inherit(from manifest: ManifestFile) throws(WeirError) {
        if snapshotId == nil { snapshotId = manifest.addedSnapshotId }
        let mayInherit = status == .added || manifest.sequenceNumber == 0
        if dataSequenceNumber == nil {
            guard mayInherit else {
                throw WeirError(
                    .corrupt,
                    "a file that was not added by its manifest has no sequence number",
                    at: file.path
                )
            }
            dataSequenceNumber = manifest.sequenceNumber
        }
        // Old writers did not write file sequence numbers; if the entry cannot inherit one, it stays unknown.
        if fileSequenceNumber == nil, mayInherit { fileSequenceNumber = manifest.sequenceNumber }
    }
}
