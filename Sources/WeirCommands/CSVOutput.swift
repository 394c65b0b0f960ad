import Bytes
import ChangeEvents
import Columnar

/// CSV as in RFC 4180: a header, commas, and quotes where a string needs them. A null is an empty field, an empty
/// string is `""`.
enum CSVText {
    /// Appends one value of a column.
    @inline(__always)
    static func append(_ column: ColumnVector, _ row: Int, to target: inout GrowableBuffer) {
        if column.isNull(row) { return }
        if case .string = column.type { return append(column.bytes(row), to: &target) }
        // Numbers, times and hexadecimal never contain a character that needs quotes.
        ScalarText.append(column.scalar(row), to: &target)
    }

    static func append(_ text: UnsafeRawBufferPointer, to target: inout GrowableBuffer) {
        guard text.isEmpty || text.contains(where: { $0 == 0x22 || $0 == 0x2c || $0 == 0x0a || $0 == 0x0d }) else {
            return target.append(text)
        }
        target.append(UInt8(ascii: "\""))
        for byte in text {
            if byte == 0x22 { target.append(byte) }
            target.append(byte)
        }
        target.append(UInt8(ascii: "\""))
    }

    static func append(_ text: String, to target: inout GrowableBuffer) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0), to: &target) }
    }

    static func appendLine(_ cells: [String], to target: inout GrowableBuffer) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { target.append(UInt8(ascii: ",")) }
            append(cell, to: &target)
        }
        endLine(&target)
    }

    static func endLine(_ target: inout GrowableBuffer) { target.append(UInt8(ascii: "\n")) }
}

/// Rows as CSV.
final class CSVRowOutput: RowOutput {
    private let out: StandardOutput

    init(_ schema: Schema, to out: StandardOutput) {
        self.out = out
        CSVText.appendLine(schema.fields.map(\.name), to: &out.buffer)
    }

    func write(_ batch: ColumnBatch, rows: Range<Int>) throws(WeirError) {
        for row in rows {
            for index in 0..<batch.columns.count {
                if index > 0 { out.buffer.append(UInt8(ascii: ",")) }
                CSVText.append(batch.columns[index], row, to: &out.buffer)
            }
            CSVText.endLine(&out.buffer)
            try out.flushWhenLarge()
        }
    }

    func finish() throws(WeirError) { try out.flush() }
}

/// Changes as CSV: `op` and `seq` in front of the columns.
final class CSVChangeOutput: ChangeOutput {
    private let out: StandardOutput

    init(_ schema: Schema, to out: StandardOutput) {
        self.out = out
        CSVText.appendLine(["op", "seq"] + schema.fields.map(\.name), to: &out.buffer)
    }

    func write(
        _ batch: ColumnBatch,
        rows: Range<Int>,
        sequence: Int64?,
        isSnapshot: Bool,
        kind: (Int) -> ChangeKind
    ) throws(WeirError) {
        let tail = ",\(sequence.map(String.init) ?? "")"
        for row in rows {
            out.append(kind(row).symbol)
            out.append(tail)
            for column in batch.columns {
                out.buffer.append(UInt8(ascii: ","))
                CSVText.append(column, row, to: &out.buffer)
            }
            CSVText.endLine(&out.buffer)
            try out.flushWhenLarge()
        }
    }

    func flush() throws(WeirError) { try out.flush() }
    func finish() throws(WeirError) { try out.flush() }
}
