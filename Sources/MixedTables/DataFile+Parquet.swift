import Bytes
import Columnar
import IcebergFormat

extension DataFile {
    /// The manifest entry of a Parquet file that was just written, with the statistics its columns have.
    ///
    /// - Parameter columns: the table's columns; a change file's `_file_offset` is none of them and gets no statistics.
    init(parquet summary: ParquetFileSummary, path: String, partition: [Scalar], specId: Int, columns: Schema) {
        self.init(
            path: path,
            partition: partition,
            specId: specId,
            recordCount: summary.rowCount,
            fileSize: summary.fileSize,
            splitOffsets: summary.splitOffsets
        )
        for column in summary.columns where columns.field(id: column.field) != nil {
            columnSizes[column.field] = column.compressedSize
            valueCounts[column.field] = column.valueCount
            nullValueCounts[column.field] = column.nullCount
            if let type = columns.field(id: column.field)?.type, type == .float || type == .double {
                nanValueCounts[column.field] = column.nanCount
            }
            if let lower = column.lower.flatMap({ ColumnBounds.lower($0) }) { lowerBounds[column.field] = lower }
            if let upper = column.upper.flatMap({ ColumnBounds.upper($0) }) { upperBounds[column.field] = upper }
        }
    }
}

/// Bounds of column values as manifests hold them: long text and bytes are cut to 16 characters or bytes, the upper one
/// rounded up, as Iceberg's default metrics mode `truncate(16)` does.
enum ColumnBounds {
    static let lengthMax = 16

    static func lower(_ value: Scalar) -> [UInt8]? {
        switch value {
        case .string(let text): SingleValue.encode(.string(String(text.unicodeScalars.prefix(lengthMax))))
        case .binary(let bytes): SingleValue.encode(.binary(Array(bytes.prefix(lengthMax))))
        default: SingleValue.encode(value)
        }
    }

    /// Nil when no cut value is known to be above: then the column has no upper bound.
    static func upper(_ value: Scalar) -> [UInt8]? {
        switch value {
        case .string(let text):
            guard text.unicodeScalars.count > lengthMax else { return SingleValue.encode(value) }
            var scalars = Array(text.unicodeScalars.prefix(lengthMax))
            while let last = scalars.popLast() {
                // The next scalar; the surrogates in between are none.
                let next = last.value == 0xd7ff ? 0xe000 : last.value + 1
                guard let raised = Unicode.Scalar(next) else { continue }
                scalars.append(raised)
                var view = String.UnicodeScalarView()
                view.append(contentsOf: scalars)
                return SingleValue.encode(.string(String(view)))
            }
            return nil
        case .binary(let bytes):
            guard bytes.count > lengthMax else { return SingleValue.encode(value) }
            var cut = Array(bytes.prefix(lengthMax))
            while let last = cut.popLast() {
                if last == 0xff { continue }
                return SingleValue.encode(.binary(cut + [last + 1]))
            }
            return nil
        default: return SingleValue.encode(value)
        }
    }
}
