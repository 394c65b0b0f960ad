import Bytes
import ChangeEvents
import Columnar
import EventLog

/// A change: its kind and one value per column.
struct Change {
    let kind: ChangeKind
    let values: [Scalar]

    init(_ kind: ChangeKind, _ values: [Scalar]) {
        self.kind = kind
        self.values = values
    }
}

extension Schema {
    /// Columns `name: type`.
    init(_ columns: KeyValuePairs<String, FieldType>) {
        self.init(columns.enumerated().map { Field(id: $0.offset + 1, name: $0.element.key, type: $0.element.value) })
    }
}

extension ChangeBatch {
    /// Changes with offsets 100, 101, …; the two rows of an update share one offset.
    init(_ schema: Schema, _ changes: [Change]) {
        let columns = schema.fields.indices.map { index in
            ColumnVector(schema.fields[index].type, changes.map { $0.values[index] })
        }
        var offset: Int64 = 99
        let offsets: [Int64] = changes.indices.map { index in
            let isSecond = index > 0 && changes[index].kind == .updateAfter && changes[index - 1].kind == .updateBefore
            if !isSecond { offset += 1 }
            return offset
        }
        self.init(
            rows: ColumnBatch(schema: schema, columns: columns, count: changes.count),
            kinds: Buffer(copying: changes.map(\.kind.rawValue)),
            offsets: offsets.withUnsafeBytes { Buffer(copying: $0) }
        )
    }

    /// The kind and values of every change.
    var changes: [String] {
        (0..<count).map { row in "\(kind(row).symbol) \(rows.columns.map { "\($0.scalar(row))" })" }
    }
}

extension ColumnVector {
    init(_ type: FieldType, _ values: [Scalar]) {
        var builder = ColumnBuilder(type, capacity: values.count)
        for value in values {
            switch value {
            case .null: builder.appendNull()
            case .boolean(let flag): builder.append(flag)
            case .int(let number), .date(let number): builder.append(number)
            case .long(let number), .time(let number), .timestamp(let number), .timestamptz(let number):
                builder.append(number)
            case .float(let number): builder.append(number)
            case .double(let number): builder.append(number)
            case .decimal(let number, _): builder.append(number)
            case .string(let text): builder.append(text)
            case .uuid(let number): withUnsafeBytes(of: number.bigEndian) { builder.append($0) }
            case .fixed(let bytes), .binary(let bytes): bytes.withUnsafeBytes { builder.append($0) }
            }
        }
        self = builder.finish()
    }
}

extension RawBatch {
    /// Every record as `key → value`, with `-` for null.
    var lines: [String] {
        records.map { record in
            let texts = [key(record), value(record)].map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "-" }
            return texts.joined(separator: " → ")
        }
    }
}
