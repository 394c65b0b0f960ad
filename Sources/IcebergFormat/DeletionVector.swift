import Bytes

/// The rows that are deleted from one data file: the Puffin blob `deletion-vector-v1` of format version 3.
///
/// ```
/// length u32 BE │ D1 D3 39 64 │ 64-bit Roaring bitmap │ CRC-32 u32 BE
///               ├──────── length, CRC-32 ─────────────┤
/// ```
public enum DeletionVector {
    public static let blobType = "deletion-vector-v1"
    private static let magic: [UInt8] = [0xd1, 0xd3, 0x39, 0x64]
    /// Around the bitmap: length, magic and CRC-32.
    private static let frameSize = 12
    /// The field id of a row's position, which Puffin's `fields` name.
    private static let rowPositionFieldId = 2_147_483_645

    public static func encode(_ positions: PositionBitmap) -> [UInt8] {
        let bitmap = positions.serialized()
        var writer = ByteWriter(capacity: bitmap.count + frameSize)
        writer.writeBigEndian(UInt32(magic.count + bitmap.count))
        writer.writeBytes(magic)
        writer.writeBytes(bitmap)
        let crc = writer.bytes[4...].withUnsafeBytes { CRC32.checksum($0) }
        writer.writeBigEndian(crc)
        return writer.bytes
    }

    /// The deleted rows, ascending.
    ///
    /// - Parameters:
    ///   - cardinality: how many there are, by the manifest.
    ///   - rowCount: of the data file; no row at or above it can be deleted.
    public static func decode(
        _ bytes: [UInt8],
        cardinality: Int64,
        rowCount: Int64
    ) throws(WeirError) -> [Int64] {
        var reader = ByteReader(bytes.span.bytes)
        guard bytes.count >= frameSize else {
            throw WeirError(.corrupt, "a deletion vector of \(bytes.count) bytes is too short", at: "byte 0")
        }
        let length = Int(try reader.readBigEndian(UInt32.self))
        guard length == bytes.count - 8 else {
            throw WeirError(
                .corrupt,
                "a deletion vector says that it has \(length) bytes, and there are \(bytes.count - 8)",
                at: "byte 0"
            )
        }
        guard try reader.readBytes(4) == magic else {
            throw WeirError(.corrupt, "a deletion vector does not begin with its magic number", at: "byte 4")
        }
        let end = bytes.count - 4
        try reader.seek(to: end)
        let crc = bytes[4..<end].withUnsafeBytes { CRC32.checksum($0) }
        guard try reader.readBigEndian(UInt32.self) == crc else {
            throw WeirError(.corrupt, "a deletion vector does not match its checksum", at: "byte \(end)")
        }
        do throws(WeirError) {
            return try PositionBitmap.parse(bytes[8..<end], cardinality: cardinality, limit: rowCount).positions
        } catch {
            throw error.located(at: "byte 8")
        }
    }

    /// A vector and the data file whose rows it deletes.
    public struct Entry {
        public let dataFile: String
        public let positions: PositionBitmap

        public init(dataFile: String, positions: PositionBitmap) {
            self.dataFile = dataFile
            self.positions = positions
        }
    }

    /// A Puffin file of vectors, and where in it each of them is, for its `content_offset` and `content_size_in_bytes`.
    public static func file(
        of entries: [Entry]
    ) -> (bytes: [UInt8], places: [(offset: Int64, size: Int64, cardinality: Int64)]) {
        var blobs: [PuffinFile.Blob] = []
        var places: [(offset: Int64, size: Int64, cardinality: Int64)] = []
        var offset = PuffinFile.firstBlobOffset
        for entry in entries {
            let bytes = encode(entry.positions)
            let cardinality = entry.positions.cardinality
            places.append((offset, Int64(bytes.count), cardinality))
            offset += Int64(bytes.count)
            blobs.append(
                PuffinFile.Blob(
                    type: blobType,
                    fields: [rowPositionFieldId],
                    // Both are those of the commit, which come after the file.
                    snapshotId: -1,
                    sequenceNumber: -1,
                    properties: ["referenced-data-file": entry.dataFile, "cardinality": String(cardinality)],
                    bytes: bytes
                )
            )
        }
        return (PuffinFile.encode(blobs, properties: ["created-by": "weir"]).bytes, places)
    }
}

extension DataFile {
    /// Whether this is a deletion vector in a Puffin file, rather than a file of its own.
    public var isDeletionVector: Bool { content == .positionDeletes && format == .puffin }

    /// What tells the content files of a snapshot apart. Deletion vectors share a Puffin file and differ by offset.
    public struct ContentLocation: Hashable, Sendable {
        public let path: String
        public let offset: Int64?

        public init(path: String, offset: Int64? = nil) {
            self.path = path
            self.offset = offset
        }
    }

    public var contentLocation: ContentLocation {
        ContentLocation(path: path, offset: isDeletionVector ? contentOffset : nil)
    }

    /// In bytes: the part of the file that belongs to this entry.
    public var contentBytes: Int64 { isDeletionVector ? contentSize ?? fileSize : fileSize }
}
