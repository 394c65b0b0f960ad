/// Summary of a finished Parquet file with the values needed for Iceberg manifests.
public struct ParquetFileSummary: Sendable, Equatable {
    public struct ColumnSummary: Sendable, Equatable {
        /// Iceberg field id.
        public let field: Int
        /// Bytes in the file.
        public let compressedSize: Int64
        /// Values, nulls and NaNs included.
        public let valueCount: Int64
        public let nullCount: Int64
        /// Zero for columns that are neither float nor double.
        public let nanCount: Int64
        /// The smallest value that is neither null nor NaN; nil when there is none or when a bound of a row group is
        /// longer than 4 KiB.
        public let lower: Scalar?
        /// The largest value that is neither null nor NaN; nil under the same conditions.
        public let upper: Scalar?

        public init(
            field: Int,
            compressedSize: Int64,
            valueCount: Int64,
            nullCount: Int64,
            nanCount: Int64,
            lower: Scalar?,
            upper: Scalar?
        ) {
            self.field = field
            self.compressedSize = compressedSize
            self.valueCount = valueCount
            self.nullCount = nullCount
            self.nanCount = nanCount
            self.lower = lower
            self.upper = upper
        }
    }

    public let rowCount: Int64
    /// Bytes.
    public let fileSize: Int64
    /// Where each row group starts.
    public let splitOffsets: [Int64]
    /// One per column of the schema, in its order.
    public let columns: [ColumnSummary]

    public init(rowCount: Int64, fileSize: Int64, splitOffsets: [Int64], columns: [ColumnSummary]) {
        self.rowCount = rowCount
        self.fileSize = fileSize
        self.splitOffsets = splitOffsets
        self.columns = columns
    }
}
