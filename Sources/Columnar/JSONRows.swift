import Bytes
import Values

/// Writes rows as JSON objects: columns in schema order, values in the encoding of the dialect.
///
/// Numbers that are not finite are written as `"NaN"`, `"Infinity"`, `"-Infinity"`, nulls as `null`.
public struct JSONRowEncoder: Sendable {
    private let schema: Schema
    private let dialect: JSONDialect
    /// The texts `{"a":`, `,"b":`, … concatenated, and the end offset of each.
    private let names: Buffer
    private let nameEnds: [Int]

    public init(_ schema: Schema, dialect: JSONDialect = .iceberg) {
        self.schema = schema
        self.dialect = dialect
        var text = GrowableBuffer()
        var ends: [Int] = []
        for (index, field) in schema.fields.enumerated() {
            text.appendByte(index == 0 ? 0x7b : 0x2c)
            var name = field.name
            name.withUTF8 {
                let name = UnsafeRawBufferPointer($0)
                if dialect == .logStore { text.appendJavaJSONString(name) } else { text.appendJSONString(name) }
            }
            text.appendByte(0x3a)
            ends.append(text.count)
        }
        names = text.finish()
        nameEnds = ends
    }

    /// Prepares a batch with the schema's types for encoding. Use this in loops over rows.
    public func rows(of batch: ColumnBatch) -> JSONRows {
        precondition(batch.columns.count == schema.count, "a batch has one column per field of the encoder")
        return JSONRows(batch: batch, dialect: dialect, names: names, nameEnds: nameEnds)
    }

    /// Appends one row of a batch. In loops, `rows(of:)` and its `append` are faster.
    public func append(_ batch: ColumnBatch, row: Int, to target: inout GrowableBuffer) {
        rows(of: batch).append(row, to: &target)
    }

    /// Appends every row of a batch, each followed by a newline.
    public func appendLines(_ batch: ColumnBatch, to target: inout GrowableBuffer) {
        let rows = rows(of: batch)
        for row in 0..<batch.count {
            rows.append(row, to: &target)
            target.append(UInt8(0x0a))
        }
    }
}

/// The rows of one batch, ready to be written as JSON.
public struct JSONRows: @unchecked Sendable {
    // The pointers of `columns` live as long as `batch` and `names`; all of it is read only.
    private let batch: ColumnBatch
    private let names: Buffer
    private let columns: [Column]

    /// One column, as raw pointers without reference counting.
    private struct Column {
        let name: UnsafeRawBufferPointer
        let type: JSONType
        let validity: UnsafeRawPointer?
        let values: UnsafeRawPointer
        let bytes: UnsafeRawPointer?

        @inline(__always)
        func text(_ row: Int) -> UnsafeRawBufferPointer {
            let start = Int(values.load(fromByteOffset: row * 4, as: Int32.self))
            let end = Int(values.load(fromByteOffset: row * 4 + 4, as: Int32.self))
            return UnsafeRawBufferPointer(start: bytes.map { $0 + start }, count: end - start)
        }
    }

    init(batch: ColumnBatch, dialect: JSONDialect, names: Buffer, nameEnds: [Int]) {
        self.batch = batch
        self.names = names
        columns = batch.columns.enumerated().map { index, column in
            let start = index == 0 ? 0 : nameEnds[index - 1]
            return Column(
                name: UnsafeRawBufferPointer(rebasing: names.bytes[start..<nameEnds[index]]),
                type: JSONType(column.type, dialect),
                validity: column.validity?.base,
                values: column.values.base,
                bytes: column.bytes?.base
            )
        }
    }

    /// Appends `{"a":1,"b":"x"}`.
    public func append(_ row: Int, to target: inout GrowableBuffer) {
        precondition(0..<batch.count ~= row, "row \(row) of a batch of \(batch.count)")
        if columns.isEmpty { target.appendByte(0x7b) }
        columns.withUnsafeBufferPointer { columns in
            for index in 0..<columns.count {
                target.append(columns[index].name)
                Self.append(columns[index], row, to: &target)
            }
        }
        target.appendByte(0x7d)
    }

    @inline(__always)
    private static func append(_ column: Column, _ row: Int, to target: inout GrowableBuffer) {
        if let validity = column.validity, !Bitmap.isSet(validity, row) { return target.appendText("null") }
        func value<T: BitwiseCopyable>(_ type: T.Type) -> T {
            column.values.load(fromByteOffset: row * MemoryLayout<T>.size, as: type)
        }
        switch column.type {
        case .boolean: target.appendText(Bitmap.isSet(column.values, row) ? "true" : "false")
        case .int: target.appendInteger(Int64(value(Int32.self)))
        case .long: target.appendInteger(value(Int64.self))
        case .float: target.appendJSON(value(Float.self))
        case .double: target.appendJSON(value(Double.self))
        case .string: target.appendJSONString(column.text(row))
        case .binary: quoted(&target) { $0.appendHex(column.text(row)) }
        case .fixed(let width):
            let bytes = UnsafeRawBufferPointer(start: column.values + row * width, count: width)
            quoted(&target) { $0.appendHex(bytes) }
        case .uuid:
            let bytes = UnsafeRawBufferPointer(start: column.values + row * 16, count: 16)
            quoted(&target) { $0.appendUUID(bytes) }
        case .base64: quoted(&target) { $0.appendBase64(column.text(row)) }
        case .fixedBase64(let width):
            let bytes = UnsafeRawBufferPointer(start: column.values + row * width, count: width)
            quoted(&target) { $0.appendBase64(bytes) }
        case .number(let scale): target.appendDecimal(value(Int128.self), scale: scale)
        case .decimal(let scale): quoted(&target) { $0.appendDecimal(value(Int128.self), scale: scale) }
        case .date: quoted(&target) { $0.appendDate(value(Int32.self)) }
        case .time: quoted(&target) { $0.appendTime(value(Int64.self)) }
        case .timestamp: quoted(&target) { $0.appendTimestamp(value(Int64.self)) }
        case .timestamptz:
            quoted(&target) {
                $0.appendTimestamp(value(Int64.self))
                $0.appendText("+00:00")
            }
        case .javaFloat: target.appendJavaJSON(value(Float.self))
        case .javaDouble: target.appendJavaJSON(value(Double.self))
        case .javaString: target.appendJavaJSONString(column.text(row))
        case .javaDecimal(let scale): target.appendJavaDecimal(value(Int128.self), scale: scale, cutsZeros: true)
        case .javaTime: quoted(&target) { $0.appendTime(value(Int64.self), seconds: .shortest) }
        case .sqlTimestamp:
            quoted(&target) { $0.appendTimestamp(value(Int64.self), separator: 0x20, seconds: .shortest) }
        case .instant:
            quoted(&target) {
                $0.appendTimestamp(value(Int64.self), seconds: .shortest)
                $0.appendByte(0x5a)
            }
        }
    }

    @inline(__always)
    private static func quoted(_ target: inout GrowableBuffer, _ body: (inout GrowableBuffer) -> Void) {
        target.appendByte(0x22)
        body(&target)
        target.appendByte(0x22)
    }
}

extension GrowableBuffer {
    fileprivate mutating func appendJSON(_ value: Double) {
        if value.isFinite { return appendDouble(value) }
        appendQuotedNotFinite(value)
    }

    fileprivate mutating func appendJSON(_ value: Float) {
        if value.isFinite { return appendFloat(value) }
        appendQuotedNotFinite(Double(value))
    }

    fileprivate mutating func appendJavaJSON(_ value: Double) {
        if value.isFinite { return appendJava(value) }
        appendQuotedNotFinite(value)
    }

    fileprivate mutating func appendJavaJSON(_ value: Float) {
        if value.isFinite { return appendJava(value) }
        appendQuotedNotFinite(Double(value))
    }

    private mutating func appendQuotedNotFinite(_ value: Double) {
        appendByte(0x22)
        appendNotFinite(value)
        appendByte(0x22)
    }
}
