import Bytes

/// One file inside a manifest and what a snapshot did to it.
public struct ManifestEntry: Hashable, Sendable {
    public enum Status: Int, Hashable, Sendable {
        case existing = 0
        case added = 1
        case deleted = 2
    }

    public var status: Status
    /// The snapshot that added the file, or deleted it when the status says so.
    public var snapshotId: Int64?
    /// Orders rows against deletes. Nil in a new entry: the commit's number is inherited.
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

    /// Fills in what the entry leaves to its manifest (spec, "Sequence Number Inheritance").
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
        // Writers before file sequence numbers existed left them out; unknown is then the truth.
        if fileSequenceNumber == nil, mayInherit { fileSequenceNumber = manifest.sequenceNumber }
    }
}
