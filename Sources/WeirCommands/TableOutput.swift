import Bytes
import Columnar

/// Text in columns. A column's width is the widest cell so far and only grows, so the number of rows is unlimited.
struct TableLayout: ~Copyable {
    struct Column {
        let name: String
        let isNumber: Bool
        var width: Int
    }

    private var columns: [Column]
    private var cells = GrowableBuffer(capacity: 64 << 10)
    private var ends: [Int] = []
    private var hasHeader = false

    /// Limits the width, so that one long cell does not push the other columns to the right.
    private static let widthMax = 60
    /// The number of rows buffered to find the widths.
    private static let chunkRows = 1000

    init(_ columns: [(name: String, isNumber: Bool)]) {
        self.columns = columns.map { column in
            Column(name: column.name, isNumber: column.isNumber, width: column.name.unicodeScalars.count)
        }
    }

    var isFull: Bool { ends.count >= Self.chunkRows * max(1, columns.count) }

    /// Adds the next cell, row by row. Control characters are escaped.
    mutating func cell(_ fill: (inout GrowableBuffer) -> Void) {
        let start = cells.count
        fill(&cells)
        var width = 0
        var isPlain = true
        for offset in start..<cells.count {
            let byte = cells.base.load(fromByteOffset: offset, as: UInt8.self)
            // UTF-8 continuation bytes have no width.
            if byte & 0xc0 != 0x80 { width += 1 }
            if byte < 0x20 || byte == 0x7f { isPlain = false }
        }
        if !isPlain { width = escape(from: start) }
        let index = ends.count % columns.count
        columns[index].width = max(columns[index].width, min(width, Self.widthMax))
        ends.append(cells.count)
    }

    mutating func cell(_ text: String) { cell { $0.appendUTF8(text) } }

    private mutating func escape(from start: Int) -> Int {
        let raw = String(
            decoding: UnsafeRawBufferPointer(start: cells.base + start, count: cells.count - start),
            as: UTF8.self
        )
        var text = ""
        for scalar in raw.unicodeScalars {
            switch scalar {
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case let other where other.value < 0x20 || other.value == 0x7f:
                text += "\\u{\(String(other.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        var kept = GrowableBuffer(capacity: start + text.utf8.count)
        kept.append(UnsafeRawBufferPointer(start: cells.base, count: start))
        kept.appendUTF8(text)
        cells = kept
        return text.unicodeScalars.count
    }

    /// Appends the buffered rows. The first call also writes the header.
    mutating func write(to target: inout GrowableBuffer) {
        if columns.isEmpty { return }
        if !hasHeader {
            hasHeader = true
            writeHeader(to: &target)
        }
        var start = 0
        for (number, end) in ends.enumerated() {
            let index = number % columns.count
            let bytes = UnsafeRawBufferPointer(start: cells.base + start, count: end - start)
            append(bytes, columns[index], isLast: index == columns.count - 1, to: &target)
            start = end
        }
        cells.removeAll()
        ends.removeAll(keepingCapacity: true)
    }

    private func writeHeader(to target: inout GrowableBuffer) {
        for (index, column) in columns.enumerated() {
            var name = column.name
            name.withUTF8 {
                append(UnsafeRawBufferPointer($0), column, isLast: index == columns.count - 1, to: &target)
            }
        }
        for (index, column) in columns.enumerated() {
            target.append(repeating: UInt8(ascii: "-"), count: column.width)
            target.appendUTF8(index == columns.count - 1 ? "\n" : "  ")
        }
    }

    private func append(
        _ bytes: UnsafeRawBufferPointer,
        _ column: Column,
        isLast: Bool,
        to target: inout GrowableBuffer
    ) {
        let width = bytes.reduce(0) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 }
        let blanks = max(0, column.width - width)
        if column.isNumber { target.append(repeating: 0x20, count: blanks) }
        target.append(bytes)
        if isLast { return target.append(UInt8(ascii: "\n")) }
        target.append(repeating: 0x20, count: (column.isNumber ? 0 : blanks) + 2)
    }
}

/// Rows as an aligned table.
final class TableRowOutput: RowOutput {
    private let out: StandardOutput
    private var layout: TableLayout

    init(_ schema: Schema, to out: StandardOutput) {
        self.out = out
        layout = TableLayout(schema.fields.map { ($0.name, $0.type.isNumber) })
    }

    func write(_ batch: ColumnBatch, rows: Range<Int>) throws(WeirError) {
        for row in rows {
            for column in batch.columns {
                if column.isNull(row) { layout.cell("null") } else { layout.cell { $0.appendCell(column, row) } }
            }
            if layout.isFull {
                layout.write(to: &out.buffer)
                try out.flushWhenLarge()
            }
        }
    }

    func finish() throws(WeirError) {
        layout.write(to: &out.buffer)
        try out.flush()
    }
}

extension FieldType {
    /// Whether the column is a number; numbers are right-aligned.
    var isNumber: Bool {
        switch self {
        case .int, .long, .float, .double, .decimal: true
        default: false
        }
    }
}
