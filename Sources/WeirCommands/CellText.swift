import Bytes
import Columnar

extension GrowableBuffer {
    /// Appends one value of a column as text; nothing for a null.
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

    /// Appends `"text"` with what JSON wants escaped. Bytes that are not UTF-8 become U+FFFD.
    mutating func appendJSONText(_ bytes: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        var clean = 0
        for place in 0..<bytes.count {
            let byte = bytes[place]
            if byte >= 0x80 {
                // Rare in keys and topic names; the library repairs what is not UTF-8.
                return appendRepaired(UnsafeRawBufferPointer(rebasing: bytes[clean...]))
            }
            if byte >= 0x20 && byte != 0x22 && byte != 0x5c { continue }
            append(UnsafeRawBufferPointer(rebasing: bytes[clean..<place]))
            appendEscaped(byte)
            clean = place + 1
        }
        append(UnsafeRawBufferPointer(rebasing: bytes[clean...]))
        append(UInt8(ascii: "\""))
    }

    private mutating func appendRepaired(_ bytes: UnsafeRawBufferPointer) {
        var text = String(decoding: bytes, as: UTF8.self)
        text.withUTF8 { repaired in
            for byte in repaired {
                if byte < 0x20 || byte == 0x22 || byte == 0x5c { appendEscaped(byte) } else { append(byte) }
            }
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x22, 0x5c: append(byte)
        case 0x0a: append(UInt8(ascii: "n"))
        case 0x0d: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        default:
            appendUTF8("u00")
            appendUTF8(Hex.encode([byte]))
        }
    }
}
