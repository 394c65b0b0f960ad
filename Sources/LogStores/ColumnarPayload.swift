import Bytes
import Columnar

/// The payload after the header of a version 2 record: kinds, offsets and columns of a batch in their memory layout.
///
/// ```
///  0  8  fingerprint of the schema            numbers are little-endian
///  8  4  rows
/// 12  4  columns
/// 16  …  bytes of each buffer, 4 each: kinds, offsets, then validity, values and bytes of every column
///        the buffers, each at a multiple of 16 from the start of the payload
/// ```
/// Kinds are one byte per row, or a single byte when all are equal. Offsets are stored as the first offset in 8 bytes,
/// followed by each row's distance from it, in 4 bytes per row if that is enough and 8 otherwise. A column without
/// nulls has no validity buffer; a column with only nulls has only its validity buffer. Offsets into a column's bytes
/// begin at 0.
enum ColumnarPayload {
    static let fixedBytes = 16
    static let alignment = 16
    static let buffersPerColumn = 3

    static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) & ~(alignment - 1) }

    /// Bytes before the first buffer.
    static func directoryEnd(columns: Int) -> Int { fixedBytes + 4 * (2 + buffersPerColumn * columns) }

    /// Hash of the field ids and types of a schema, in order. Names are not included, so they may change.
    static func fingerprint(_ schema: Schema) -> UInt64 {
        // FNV-1a of 64 bits.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for field in schema.fields {
            for byte in "\(field.id):\(field.type);".utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return hash
    }
}
