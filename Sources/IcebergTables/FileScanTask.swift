import IcebergFormat

/// A data file to read, with the delete files that may delete rows of it.
public struct FileScanTask: Sendable, Hashable {
    public let file: DataFile
    public let dataSequenceNumber: Int64
    /// The sequence number of the commit that added the file; the data sequence number if its writer did not state it.
    public let fileSequenceNumber: Int64
    /// The snapshot that added the file.
    public let snapshotId: Int64
    /// Oldest first.
    public let deletes: [DeleteFile]

    public var specId: Int { file.specId }

    public init(
        file: DataFile,
        dataSequenceNumber: Int64,
        fileSequenceNumber: Int64,
        snapshotId: Int64,
        deletes: [DeleteFile] = []
    ) {
        self.file = file
        self.dataSequenceNumber = dataSequenceNumber
        self.fileSequenceNumber = fileSequenceNumber
        self.snapshotId = snapshotId
        self.deletes = deletes
    }
}

/// A live delete file.
public struct DeleteFile: Sendable, Hashable {
    public let file: DataFile
    public let dataSequenceNumber: Int64

    public var content: DataFile.Content { file.content }

    public init(file: DataFile, dataSequenceNumber: Int64) {
        self.file = file
        self.dataSequenceNumber = dataSequenceNumber
    }
}
