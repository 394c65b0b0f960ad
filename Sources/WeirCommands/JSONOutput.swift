import Bytes
import ChangeEvents
import Columnar

/// Rows as JSON, one object per line.
final class JSONRowOutput: RowOutput {
    private let out: StandardOutput
    private let encoder: JSONRowEncoder

    init(_ schema: Schema, to out: StandardOutput) {
        self.out = out
        encoder = JSONRowEncoder(schema)
    }

    func write(_ batch: ColumnBatch, rows: Range<Int>) throws(WeirError) {
        let lines = encoder.rows(of: batch)
        for row in rows {
            lines.append(row, to: &out.buffer)
            out.buffer.append(UInt8(ascii: "\n"))
            try out.flushWhenLarge()
        }
    }

    func finish() throws(WeirError) { try out.flush() }
}

/// Changes as JSON: `{"op":"+I","seq":12,"row":{…}}`.
final class JSONChangeOutput: ChangeOutput {
    private let out: StandardOutput
    private let encoder: JSONRowEncoder

    init(_ schema: Schema, to out: StandardOutput) {
        self.out = out
        encoder = JSONRowEncoder(schema)
    }

    func write(
        _ batch: ColumnBatch,
        rows: Range<Int>,
        sequence: Int64?,
        isSnapshot: Bool,
        kind: (Int) -> ChangeKind
    ) throws(WeirError) {
        let lines = encoder.rows(of: batch)
        let middle = "\",\"seq\":\(sequence.map(String.init) ?? "null"),\"row\":"
        for row in rows {
            out.append("{\"op\":\"")
            out.append(kind(row).symbol)
            out.append(middle)
            lines.append(row, to: &out.buffer)
            out.append("}\n")
            try out.flushWhenLarge()
        }
    }

    func flush() throws(WeirError) { try out.flush() }
    func finish() throws(WeirError) { try out.flush() }
}
