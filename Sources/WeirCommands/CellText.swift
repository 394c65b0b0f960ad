import Bytes
import Columnar

extension GrowableBuffer {
    /// Appends one value of a column as text. A null appends nothing.
    @inline(__always)
    mutating func appendCell(_ column: ColumnVector, _ row: Int) {
        if column.isNull(row) { return }
        if case .string = column.type { return append(column.bytes(row)) }
        ScalarText.append(column.scalar(row), to: &self)
    }

    mutating func appendUTF8(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }
}
