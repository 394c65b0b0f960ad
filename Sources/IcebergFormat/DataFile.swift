import Bytes
import Columnar

/// The metadata of a data file or delete file in a manifest.
public struct DataFile: Hashable, Sendable {
    public enum Content: Int, Hashable, Sendable {
        case data = 0
        case positionDeletes = 1
        case equalityDeletes = 2
    }

    public enum Format: String, Hashable, Sendable {
        case parquet, orc, avro, puffin
    }

    public var content: Content
    /// Full location.
    public var path: String
    public var format: Format
    /// The partition values, in the order of the spec's fields; empty if unpartitioned.
    public var partition: [Scalar]
    /// The partition spec of the values.
    public var specId: Int
    public var recordCount: Int64
    /// In bytes.
    public var fileSize: Int64
    /// By field id: size in bytes, and the number of values, nulls and NaNs.
    public var columnSizes: [Int: Int64]
    public var valueCounts: [Int: Int64]
    public var nullValueCounts: [Int: Int64]
    public var nanValueCounts: [Int: Int64]
    /// By field id, in single-value serialization. They may be truncated, but no value lies outside of them.
    public var lowerBounds: [Int: [UInt8]]
    public var upperBounds: [Int: [UInt8]]
    public var keyMetadata: [UInt8]?
    /// The offsets at which row groups start.
    public var splitOffsets: [Int64]
    /// Key columns of an equality delete file.
    public var equalityIds: [Int]
    public var sortOrderId: Int?
    /// The only data file that a position delete file refers to, if it is a single one.
    public var referencedDataFile: String?
    /// Version 3: the first row id of a data file, and the location of a deletion vector in its Puffin file.
    public var firstRowId: Int64?
    public var contentOffset: Int64?
    public var contentSize: Int64?

    public init(
        content: Content = .data,
        path: String,
        format: Format = .parquet,
        partition: [Scalar] = [],
        specId: Int = 0,
        recordCount: Int64,
        fileSize: Int64,
        columnSizes: [Int: Int64] = [:],
        valueCounts: [Int: Int64] = [:],
        nullValueCounts: [Int: Int64] = [:],
        nanValueCounts: [Int: Int64] = [:],
        lowerBounds: [Int: [UInt8]] = [:],
        upperBounds: [Int: [UInt8]] = [:],
        keyMetadata: [UInt8]? = nil,
        splitOffsets: [Int64] = [],
        equalityIds: [Int] = [],
        sortOrderId: Int? = nil,
        referencedDataFile: String? = nil,
        firstRowId: Int64? = nil,
        contentOffset: Int64? = nil,
        contentSize: Int64? = nil
    ) {
        self.content = content
        self.path = path
        self.format = format
        self.partition = partition
        self.specId = specId
        self.recordCount = recordCount
        self.fileSize = fileSize
        self.columnSizes = columnSizes
        self.valueCounts = valueCounts
        self.nullValueCounts = nullValueCounts
        self.nanValueCounts = nanValueCounts
        self.lowerBounds = lowerBounds
        self.upperBounds = upperBounds
        self.keyMetadata = keyMetadata
        self.splitOffsets = splitOffsets
        self.equalityIds = equalityIds
        self.sortOrderId = sortOrderId
        self.referencedDataFile = referencedDataFile
        self.firstRowId = firstRowId
        self.contentOffset = contentOffset
        self.contentSize = contentSize
    }

    /// Field ids of the columns in position delete files.
    public static let deletePathFieldId = 2_147_483_546
    public static let deletePositionFieldId = 2_147_483_545
}
