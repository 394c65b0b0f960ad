import Bytes
import Columnar

/// A data file or delete file as manifests describe it.
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
    /// Values in the order of the spec's fields; empty when unpartitioned.
    public var partition: [Scalar]
    /// The partition spec the values belong to.
    public var specId: Int
    public var recordCount: Int64
    /// Bytes.
    public var fileSize: Int64
    /// By field id: bytes in the file, values, nulls, NaNs.
    public var columnSizes: [Int: Int64]
    public var valueCounts: [Int: Int64]
    public var nullValueCounts: [Int: Int64]
    public var nanValueCounts: [Int: Int64]
    /// By field id, in single-value serialization; possibly truncated, never exceeded by a value.
    public var lowerBounds: [Int: [UInt8]]
    public var upperBounds: [Int: [UInt8]]
    public var keyMetadata: [UInt8]?
    /// Where row groups start.
    public var splitOffsets: [Int64]
    /// Key columns of an equality delete file.
    public var equalityIds: [Int]
    public var sortOrderId: Int?
    /// The only data file a position delete file refers to.
    public var referencedDataFile: String?
    /// Version 3: the first row id of a data file, and the place of a deletion vector inside its Puffin file.
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

    /// Field ids of the columns of position delete files.
    public static let deletePathFieldId = 2_147_483_546
    public static let deletePositionFieldId = 2_147_483_545
}
