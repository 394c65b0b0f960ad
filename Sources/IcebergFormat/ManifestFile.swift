import Bytes
import Columnar

/// The entry of a manifest in the manifest list of a snapshot.
public struct ManifestFile: Hashable, Sendable {
    public enum Content: Int, Hashable, Sendable {
        case data = 0
        case deletes = 1
    }

    /// The values of one partition field in the files of a manifest.
    public struct FieldSummary: Hashable, Sendable {
        public var containsNull: Bool
        public var containsNaN: Bool?
        /// In single-value serialization; nil if every value is null or NaN.
        public var lowerBound: [UInt8]?
        public var upperBound: [UInt8]?

        public init(containsNull: Bool, containsNaN: Bool?, lowerBound: [UInt8]?, upperBound: [UInt8]?) {
            self.containsNull = containsNull
            self.containsNaN = containsNaN
            self.lowerBound = lowerBound
            self.upperBound = upperBound
        }
    }

    public var path: String
    /// In bytes.
    public var length: Int64
    public var specId: Int
    public var content: Content
    /// The sequence number of the commit that wrote the manifest.
    public var sequenceNumber: Int64
    /// The smallest data sequence number of its live files.
    public var minSequenceNumber: Int64
    public var addedSnapshotId: Int64
    /// Numbers of files and rows by status. Nil if a version 1 writer left them out.
    public var addedFiles: Int?
    public var existingFiles: Int?
    public var deletedFiles: Int?
    public var addedRows: Int64?
    public var existingRows: Int64?
    public var deletedRows: Int64?
    public var partitions: [FieldSummary]
    public var keyMetadata: [UInt8]?
    /// Version 3.
    public var firstRowId: Int64?

    public init(
        path: String,
        length: Int64,
        specId: Int,
        content: Content = .data,
        sequenceNumber: Int64 = 0,
        minSequenceNumber: Int64 = 0,
        addedSnapshotId: Int64,
        addedFiles: Int? = nil,
        existingFiles: Int? = nil,
        deletedFiles: Int? = nil,
        addedRows: Int64? = nil,
        existingRows: Int64? = nil,
        deletedRows: Int64? = nil,
        partitions: [FieldSummary] = [],
        keyMetadata: [UInt8]? = nil,
        firstRowId: Int64? = nil
    ) {
        self.path = path
        self.length = length
        self.specId = specId
        self.content = content
        self.sequenceNumber = sequenceNumber
        self.minSequenceNumber = minSequenceNumber
        self.addedSnapshotId = addedSnapshotId
        self.addedFiles = addedFiles
        self.existingFiles = existingFiles
        self.deletedFiles = deletedFiles
        self.addedRows = addedRows
        self.existingRows = existingRows
        self.deletedRows = deletedRows
        self.partitions = partitions
        self.keyMetadata = keyMetadata
        self.firstRowId = firstRowId
    }

    /// Missing counts are treated as nonzero, so that no file is overlooked.
    public var mayHaveLiveFiles: Bool { (addedFiles ?? 1) > 0 || (existingFiles ?? 1) > 0 }
}
