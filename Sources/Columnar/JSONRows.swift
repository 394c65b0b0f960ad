import Bytes

/// Writes rows as JSON objects: columns in schema order, values as in Iceberg's single-value serialization.
///
/// Decimals, dates, times, timestamps, uuids and bytes (in hexadecimal) are strings, numbers that are not finite are
/// `"NaN"`, `"Infinity"`, `"-Infinity"`, nulls are written out.
public struct JSONRowEncoder: Sendable {
    /// How values are written that JSON has no form for.
    public enum Style: Sendable {
        /// Iceberg's single values.
        case iceberg
        /// As Flink writes events: decimals are numbers with all their digits, bytes are base64; all else is Iceberg's.
        case events
    }

    private let schema: Schema
    private let style: Style
    /// `{"a":`, `,"b":`, … one after the other, and where each ends.
    private let names: Buffer
    private let nameEnds: [Int]

    public init(_ schema: Schema, style: Style = .iceberg) {
        self.schema = schema
        self.style = style
        var text = GrowableBuffer()
        var ends: [Int] = []
        for (index, field) in schema.fields.enumerated() {
            text.appendByte(index == 0 ? 0x7b : 0x2c)
            var name = field.name
            name.withUTF8 { text.appendJSONString(UnsafeRawBufferPointer($0)) }
            text.appendByte(0x3a)
            ends.append(text.count)
        }
        names = text.finish()
        nameEnds = ends
    }

    /// Ties the encoder to a batch of its schema's types: the form to use in loops over rows.
    public func rows(of batch: ColumnBatch) -> JSONRows {
        precondition(batch.columns.count == schema.count, "a batch has one column per field of the encoder")
        return JSONRows(batch: batch, names: names, nameEnds: nameEnds, style: style)
    }

    /// Appends one row of a batch. In loops, `rows(of:)` once and its `append` are faster.
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

    /// One column without reference counts in it.
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

    init(batch: ColumnBatch, names: Buffer, nameEnds: [Int], style: JSONRowEncoder.Style) {
        self.batch = batch
        self.names = names
        columns = batch.columns.enumerated().map { index, column in
            let start = index == 0 ? 0 : nameEnds[index - 1]
            return Column(
                name: UnsafeRawBufferPointer(rebasing: names.bytes[start..<nameEnds[index]]),
                type: JSONType(column.type, style),
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
        case .date: quoted(&target) { $0.appendDate(Int(value(Int32.self))) }
        case .time: quoted(&target) { $0.appendTime(value(Int64.self)) }
        case .timestamp: quoted(&target) { $0.appendTimestamp(value(Int64.self)) }
        case .timestamptz:
            quoted(&target) {
                $0.appendTimestamp(value(Int64.self))
                $0.appendText("+00:00")
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

/// `FieldType` without its nested cases, so that a switch per value copies no references.
private enum JSONType {
    case boolean, int, long, float, double, date, time, timestamp, timestamptz, string, uuid, binary, base64
    case decimal(scale: Int)
    case number(scale: Int)
    case fixed(Int)
    case fixedBase64(Int)

    init(_ type: FieldType, _ style: JSONRowEncoder.Style) {
        self =
            switch type {
            case .boolean: .boolean
            case .int: .int
            case .long: .long
            case .float: .float
            case .double: .double
            case .decimal(_, let scale): style == .events ? .number(scale: scale) : .decimal(scale: scale)
            case .date: .date
            case .time: .time
            case .timestamp: .timestamp
            case .timestamptz: .timestamptz
            case .string: .string
            case .uuid: .uuid
            case .fixed(let length): style == .events ? .fixedBase64(length) : .fixed(length)
            case .binary: style == .events ? .base64 : .binary
            case .list, .map, .structure, .other: preconditionFailure("\(type) is not held in column vectors")
            }
    }
}

extension GrowableBuffer {
    fileprivate mutating func appendJSON(_ value: Double) {
        if value.isFinite { return appendDouble(value) }
        appendNotFinite(value)
    }

    fileprivate mutating func appendJSON(_ value: Float) {
        if value.isFinite { return appendFloat(value) }
        appendNotFinite(Double(value))
    }

    private mutating func appendNotFinite(_ value: Double) {
        appendText(value.isNaN ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"")
    }
}
