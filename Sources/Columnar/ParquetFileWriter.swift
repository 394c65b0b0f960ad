import Bytes
import CArrowShim
import ObjectStorage

/// Writes batches as one Parquet file: zstd, page checksums, field ids, the physical types of Iceberg's specification.
///
/// Used by one thread at a time. Memory in use is about `ParquetSettings.rowGroupBytes` plus one page and one dictionary
/// per column.
public final class ParquetFileWriter: @unchecked Sendable {
    // Used by one thread at a time.
    private let schema: Schema
    private let target: any ObjectWriter
    private var writer: OpaquePointer?
    private let sink: ParquetSink
    private var rowCount: Int64 = 0
    private var nanCounts: [Int64]

    /// Every field must have a primitive type. Takes ownership of `target`: `finish()` or `abandon()` of this writer
    /// ends it, and it is abandoned when this fails.
    public init(
        schema: Schema,
        to target: any ObjectWriter,
        settings: ParquetSettings = ParquetSettings()
    ) throws(WeirError) {
        for field in schema.fields where !field.type.isPrimitive {
            target.abandon()
            throw WeirError(.unsupported, "column '\(field.name)' of type \(field.type) cannot be written to Parquet")
        }
        self.schema = schema
        self.target = target
        sink = ParquetSink(target)
        nanCounts = Array(repeating: 0, count: schema.count)
        var bytes = weir_byte_sink(context: Unmanaged.passUnretained(sink).toOpaque(), write: writeToSink)
        var arrowSchema = schema.exportedToArrow()
        let plainFields = settings.plainFields.map { Int32(clamping: $0) }
        var handle: OpaquePointer?
        do {
            try callShim(callback: { [sink] in sink.failure }, file: nil) { failure in
                "weir".withCString { name in
                    plainFields.withUnsafeBufferPointer { plainFields in
                        var options = weir_parquet_settings(
                            compression_level: Int32(clamping: settings.compressionLevel),
                            dictionary: settings.usesDictionary,
                            row_group_rows: Int64(max(1, settings.rowGroupRows)),
                            row_group_bytes: Int64(max(1, settings.rowGroupBytes)),
                            page_bytes: Int64(max(1, settings.pageBytes)),
                            dictionary_bytes: Int64(max(1, settings.dictionaryBytes)),
                            plain_fields: plainFields.baseAddress,
                            plain_field_count: Int32(clamping: plainFields.count),
                            created_by: name
                        )
                        return weir_parquet_writer_open(&bytes, &arrowSchema, &options, &handle, failure)
                    }
                }
            }
        } catch {
            target.abandon()
            throw error
        }
        writer = handle
    }

    deinit { weir_parquet_writer_free(writer) }

    /// Appends rows. The batch's columns must be in the schema's order and have its types; a null in a required column
    /// is an error. After an error only `abandon()` may be called.
    public func write(_ batch: ColumnBatch) throws(WeirError) {
        guard let writer else { preconditionFailure("a Parquet writer is used after its end") }
        precondition(batch.columns.count == schema.count, "a batch has one column per field of the file")
        for (index, field) in schema.fields.enumerated() {
            let column = batch.columns[index]
            precondition(
                column.type == field.type,
                "column '\(field.name)' holds \(column.type), the file \(field.type)"
            )
            if field.isRequired, column.nullCount > 0 {
                throw WeirError(.invalid, "column '\(field.name)' is required and has \(column.nullCount) nulls")
            }
            nanCounts[index] += column.nanCount
        }
        guard batch.count > 0 else { return }
        var array = batch.exportedToArrow()
        try callShim(callback: { [sink] in sink.failure }, file: nil) { weir_parquet_writer_write(writer, &array, $0) }
        rowCount += Int64(batch.count)
    }

    /// Bytes written so far plus an estimate of those still in memory, for deciding when to begin the next file.
    public var writtenBytes: Int64 { writer.map { weir_parquet_writer_size($0) } ?? sink.count }

    /// Estimated bytes in memory: those of the current row group.
    public var bufferedBytes: Int64 { writtenBytes - sink.count }

    /// Ends the current row group, which frees its memory.
    public func endRowGroup() throws(WeirError) {
        guard let writer else { preconditionFailure("a Parquet writer is used after its end") }
        try callShim(callback: { [sink] in sink.failure }, file: nil) { weir_parquet_writer_end_row_group(writer, $0) }
    }

    /// Writes the footer and makes the object durable.
    public func finish() throws(WeirError) -> ParquetFileSummary {
        guard let writer else { preconditionFailure("a Parquet writer is finished twice") }
        var metadata: OpaquePointer?
        try callShim(callback: { [sink] in sink.failure }, file: nil) {
            weir_parquet_writer_finish(writer, &metadata, $0)
        }
        guard let metadata else { preconditionFailure("a finished Parquet file has metadata") }
        let summary = try summarize(metadata)
        try target.finish()
        self.writer = nil
        weir_parquet_writer_free(writer)
        return summary
    }

    /// Abandons the file and removes what was written if possible.
    public func abandon() {
        weir_parquet_writer_free(writer)
        writer = nil
        target.abandon()
    }

    private func summarize(_ metadata: OpaquePointer) throws(WeirError) -> ParquetFileSummary {
        let groups = weir_parquet_row_group_count(metadata)
        var columns: [ParquetFileSummary.ColumnSummary] = []
        for (index, field) in schema.fields.enumerated() {
            var merged = MergedStatistics()
            for group in 0..<groups {
                var chunk = weir_parquet_chunk()
                try callShim(callback: { nil }, file: nil) {
                    weir_parquet_chunk_of(metadata, group, Int32(index), &chunk, $0)
                }
                merged.add(ParquetStatistics(chunk, of: .written(field, leaf: index)))
            }
            columns.append(merged.summary(of: field, nanCount: nanCounts[index]))
        }
        return ParquetFileSummary(
            rowCount: rowCount,
            fileSize: sink.count,
            splitOffsets: (0..<groups).map { weir_parquet_row_group_offset(metadata, $0) },
            columns: columns
        )
    }
}

extension ParquetColumn {
    /// How `ParquetFileWriter` stores a field.
    fileprivate static func written(_ field: Field, leaf: Int) -> ParquetColumn {
        let physical: Int32 =
            switch field.type {
            case .decimal(let precision, _): precision <= 9 ? 1 : precision <= 18 ? 2 : 7
            default: -1
            }
        return ParquetColumn(
            name: field.name,
            fieldID: field.id,
            format: ArrowFormat(ArrowFormat.text(of: field.type)),
            physicalType: physical,
            isUUID: field.type == .uuid,
            leaf: Int32(leaf),
            isRequired: field.isRequired,
            type: field.type
        )
    }
}

/// The merged statistics of a column's chunks. A bound is known if it is known for every chunk with values.
private struct MergedStatistics {
    var compressedSize: Int64 = 0
    var valueCount: Int64 = 0
    var nullCount: Int64 = 0
    var lower: Scalar?
    var upper: Scalar?
    var lowerIsKnown = true
    var upperIsKnown = true

    mutating func add(_ chunk: ParquetStatistics) {
        compressedSize += chunk.compressedSize
        valueCount += chunk.valueCount
        let nulls = chunk.nullCount ?? 0
        nullCount += nulls
        if nulls == chunk.valueCount { return }
        if let bound = chunk.lower {
            if lower == nil || bound.precedes(lower ?? bound) == true { lower = bound }
        } else {
            lowerIsKnown = false
        }
        if let bound = chunk.upper {
            if upper == nil || (upper ?? bound).precedes(bound) == true { upper = bound }
        } else {
            upperIsKnown = false
        }
    }

    func summary(of field: Field, nanCount: Int64) -> ParquetFileSummary.ColumnSummary {
        // A chunk with only NaN has no bounds; it does not invalidate the bounds of other chunks.
        let ignoresUnknown = field.type == .float || field.type == .double
        return ParquetFileSummary.ColumnSummary(
            field: field.id,
            compressedSize: compressedSize,
            valueCount: valueCount,
            nullCount: nullCount,
            nanCount: nanCount,
            lower: lowerIsKnown || ignoresUnknown ? lower : nil,
            upper: upperIsKnown || ignoresUnknown ? upper : nil
        )
    }
}

/// Writes the shim's bytes to an object writer and keeps the error of a failed write.
private final class ParquetSink: @unchecked Sendable {
    // Used by the thread that uses the Parquet writer.
    let target: any ObjectWriter
    var failure: WeirError?
    var count: Int64 = 0

    init(_ target: any ObjectWriter) { self.target = target }
}

private func writeToSink(_ context: UnsafeMutableRawPointer?, _ bytes: UnsafeRawPointer?, _ count: Int64) -> Int32 {
    guard let context else { return 1 }
    let sink = Unmanaged<ParquetSink>.fromOpaque(context).takeUnretainedValue()
    do {
        try sink.target.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        sink.count += count
        return 0
    } catch {
        sink.failure = error
        return 1
    }
}
