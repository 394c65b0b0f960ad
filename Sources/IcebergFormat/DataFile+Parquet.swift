import Columnar

extension DataFile {
    /// Describes a newly written Parquet file, with the metrics that the table is configured to collect.
    public init(
        parquet path: String,
        _ summary: ParquetFileSummary,
        content: Content = .data,
        partition: [Scalar] = [],
        specId: Int = 0,
        metrics: MetricsConfig = MetricsConfig()
    ) {
        self.init(
            content: content,
            path: path,
            partition: partition,
            specId: specId,
            recordCount: summary.rowCount,
            fileSize: summary.fileSize,
            splitOffsets: summary.splitOffsets
        )
        for column in summary.columns {
            let mode = metrics.mode(field: column.field)
            columnSizes[column.field] = column.compressedSize
            if mode == .none { continue }
            valueCounts[column.field] = column.valueCount
            nullValueCounts[column.field] = column.nullCount
            if column.hasNaNs { nanValueCounts[column.field] = column.nanCount }
            let bounds: (lower: Scalar?, upper: Scalar?)
            switch mode {
            case .none, .counts: continue
            case .full: bounds = (column.lower, column.upper)
            case .truncate(let length):
                bounds = (
                    column.lower.map { TruncatedBound.lower($0, length) },
                    column.upper.flatMap { TruncatedBound.upper($0, length) }
                )
            }
            lowerBounds[column.field] = bounds.lower.flatMap { SingleValue.encode($0) }
            upperBounds[column.field] = bounds.upper.flatMap { SingleValue.encode($0) }
        }
        if content == .positionDeletes, let path = lowerBounds[Self.deletePathFieldId],
            path == upperBounds[Self.deletePathFieldId]
        {
            referencedDataFile = String(validating: path, as: UTF8.self)
        }
    }
}

extension ParquetFileSummary.ColumnSummary {
    /// Whether the column has a floating-point type. NaNs are counted only for these.
    fileprivate var hasNaNs: Bool {
        switch lower ?? upper {
        case .float, .double: true
        case nil: nanCount > 0
        default: false
        }
    }
}
