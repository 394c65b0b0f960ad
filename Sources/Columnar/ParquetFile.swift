import Bytes
import CArrowShim
import ObjectStorage

/// An open Parquet file: its footer and the row group being read.
final class ParquetFile {
    let path: String
    let columns: [ParquetColumn]
    private let source: ParquetSource
    private let reader: OpaquePointer

    init(_ object: any ObjectReader) throws(WeirError) {
        let source = ParquetSource(object)
        var bytes = weir_byte_source(
            context: Unmanaged.passUnretained(source).toOpaque(),
            size: object.size,
            read: readFromSource
        )
        var handle: OpaquePointer?
        do throws(WeirError) {
            try callShim(callback: { source.failure }, file: object.path) {
                weir_parquet_reader_open(&bytes, true, &handle, $0)
            }
        } catch {
            guard error.code == .corrupt, let other = Self.otherFormat(of: object) else { throw error }
            throw WeirError(
                .unsupported,
                "the file is \(other), and only Parquet without encryption is read",
                at: object.path,
                advice: "metadata calls it a Parquet file: have the engine that wrote the table rewrite it as one"
            )
        }
        guard let handle else { preconditionFailure("an open Parquet file has a reader") }
        self.source = source
        path = object.path
        do {
            columns = try Self.columns(of: handle, path: object.path)
            reader = handle
        } catch {
            weir_parquet_reader_free(handle)
            throw error
        }
    }

    deinit { weir_parquet_reader_free(reader) }

    /// The format of a file that is not a Parquet file, detected by its first bytes; nil if unknown.
    private static func otherFormat(of object: any ObjectReader) -> String? {
        var mark = [UInt8](repeating: 0, count: 4)
        guard (try? mark.withUnsafeMutableBytes { try object.read(into: $0, at: 0) }) == mark.count else { return nil }
        switch mark {
        case Array("PARE".utf8): return "an encrypted Parquet file"
        case Array("PFA1".utf8): return "a Puffin file"
        case Array("Obj".utf8) + [1]: return "an Avro file"
        case let mark where mark.starts(with: Array("ORC".utf8)): return "an ORC file"
        default: return nil
        }
    }

    var rowGroupCount: Int32 { weir_parquet_row_group_count(weir_parquet_reader_metadata(reader)) }

    func rows(of rowGroup: Int32) throws(WeirError) -> Int64 {
        let rows = weir_parquet_row_group_rows(weir_parquet_reader_metadata(reader), rowGroup)
        // No real row group has this many rows; the limit keeps sums of row counts from overflowing.
        guard 0...(1 << 40) ~= rows else { throw corrupt("row group \(rowGroup) claims \(rows) rows") }
        return rows
    }

    func statistics(of column: ParquetColumn, rowGroup: Int32) throws(WeirError) -> ParquetStatistics {
        var chunk = weir_parquet_chunk()
        try callShim(callback: { nil }, file: path) {
            weir_parquet_chunk_of(weir_parquet_reader_metadata(reader), rowGroup, column.leaf, &chunk, $0)
        }
        return ParquetStatistics(chunk, of: column)
    }

    func start(_ rowGroup: Int32, leaves: [Int32], batchRows: Int) throws(WeirError) {
        try callShim(callback: { source.failure }, file: path) {
            weir_parquet_reader_start(reader, rowGroup, leaves, Int32(leaves.count), Int64(batchRows), $0)
        }
    }

    /// The next rows of the started row group; nil after its last.
    func next() throws(WeirError) -> ImportedArray? {
        var array = ArrowArray()
        try callShim(callback: { source.failure }, file: path) { weir_parquet_reader_next(reader, &array, $0) }
        return array.release == nil ? nil : ImportedArray(taking: &array)
    }

    func corrupt(_ reason: String) -> WeirError {
        WeirError(.corrupt, "the Parquet file is damaged: \(reason)", at: path)
    }

    private static func columns(of reader: OpaquePointer, path: String) throws(WeirError) -> [ParquetColumn] {
        var schema = ArrowSchema()
        try callShim(callback: { nil }, file: path) { weir_parquet_reader_schema(reader, &schema, $0) }
        defer { if let release = schema.release { release(&schema) } }
        return (0..<Int(schema.n_children)).compactMap { index in
            guard let child = schema.children?[index]?.pointee else { return nil }
            var leaf = weir_parquet_leaf()
            guard weir_parquet_reader_leaf(reader, Int32(index), &leaf) == WEIR_ARROW_OK else { return nil }
            let own = String(cString: child.format)
            // A dictionary with 32-bit indices has the format of its values, because reading decodes it.
            let format = child.dictionary.map {
                own == "i" ? ArrowFormat(String(cString: $0.pointee.format)) : .unknown("dictionary")
            }
            return ParquetColumn(
                name: child.name.map { String(cString: $0) } ?? "",
                fieldID: child.fieldID,
                format: format ?? ArrowFormat(own),
                physicalType: leaf.physical_type,
                isUUID: leaf.is_uuid,
                leaf: leaf.index,
                isRequired: child.flags & Int64(ARROW_FLAG_NULLABLE) == 0,
                type: leaf.is_uuid ? .uuid : child.nearestType
            )
        }
    }
}

extension ArrowSchema {
    /// The value of `PARQUET:field_id`; −1 when absent.
    var fieldID: Int {
        guard let metadata else { return -1 }
        // Pairs of strings with native 32-bit lengths.
        var cursor = UnsafeRawPointer(metadata)
        func readLength() -> Int {
            defer { cursor += 4 }
            return Int(cursor.loadUnaligned(as: Int32.self))
        }
        func readText() -> String {
            let length = readLength()
            defer { cursor += length }
            return String(decoding: UnsafeRawBufferPointer(start: cursor, count: length), as: UTF8.self)
        }
        for _ in 0..<readLength() {
            let key = readText()
            let value = readText()
            if key == "PARQUET:field_id" { return Int(value) ?? -1 }
        }
        return -1
    }

    /// The closest column type, nested types included.
    var nearestType: FieldType {
        if let dictionary { return dictionary.pointee.nearestType }
        let children = (0..<Int(n_children)).compactMap { self.children?[$0]?.pointee }
        let fields = children.map {
            Field(
                id: $0.fieldID,
                name: $0.name.map { String(cString: $0) } ?? "",
                type: $0.nearestType,
                isRequired: $0.flags & Int64(ARROW_FLAG_NULLABLE) == 0
            )
        }
        switch String(cString: format) {
        case "+l", "+L": return fields.first.map { .list(element: $0) } ?? .other("list")
        case "+s": return .structure(fields)
        case "+m":
            guard case .structure(let entries)? = fields.first?.type, entries.count == 2 else { return .other("map") }
            return .map(key: entries[0], value: entries[1])
        case let text: return ArrowFormat(text).nearestType
        }
    }
}

/// Reads the byte ranges requested by the shim from an object and keeps the error of a failed read.
private final class ParquetSource {
    let object: any ObjectReader
    var failure: WeirError?

    init(_ object: any ObjectReader) { self.object = object }
}

private func readFromSource(
    _ context: UnsafeMutableRawPointer?,
    _ offset: Int64,
    _ out: UnsafeMutableRawPointer?,
    _ count: Int64
) -> Int64 {
    guard let context else { return -1 }
    let source = Unmanaged<ParquetSource>.fromOpaque(context).takeUnretainedValue()
    do {
        return Int64(
            try source.object.read(into: UnsafeMutableRawBufferPointer(start: out, count: Int(count)), at: offset)
        )
    } catch {
        source.failure = error
        return -1
    }
}
