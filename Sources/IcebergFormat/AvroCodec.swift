import Bytes
import Columnar

/// How the blocks of an Avro file are compressed (Avro 1.12, "Required Codecs" and "Optional Codecs").
enum AvroCodec: String {
    case null, deflate, snappy, zstandard
    /// No codec of the specification, but fastavro writes it: the original size in four little-endian bytes, an LZ4 block.
    case lz4

    // A block beyond this is refused before memory is taken for it.
    private static let largestBlock = 1 << 30

    init(named name: String) throws(WeirError) {
        guard let codec = AvroCodec(rawValue: name) else {
            throw WeirError(
                .unsupported,
                "the Avro file is compressed with '\(name)'",
                advice: "write the table's manifests again with an engine that reads them, such as Spark: "
                    + "CALL CATALOG.system.rewrite_manifests('DB.TABLE') writes them with deflate"
            )
        }
        self = codec
    }

    func decompress(_ block: [UInt8]) throws(WeirError) -> [UInt8] {
        switch self {
        case .null: return block
        case .deflate: return try Deflate.decompress(block, limit: Self.largestBlock)
        case .zstandard:
            var output = GrowableBuffer()
            try block.withUnsafeBufferPointer { (input) throws(WeirError) in
                try Zstandard.decompress(UnsafeRawBufferPointer(input), into: &output, limit: Self.largestBlock)
            }
            return output.finishBytes()
        case .snappy:
            // The block ends with the CRC-32 of the original bytes, and begins with their number as a plain varint.
            guard block.count > 4 else { throw WeirError(.corrupt, "a snappy block lacks its checksum") }
            let body = block.dropLast(4)
            let output = try CompressedBlock.decompress(body, .snappy, size: try Self.snappySize(body))
            let checksum = block.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard output.withUnsafeBytes({ CRC32.checksum($0) }) == checksum else {
                throw WeirError(.corrupt, "the checksum of a snappy block is wrong")
            }
            return output
        case .lz4:
            guard block.count > 4 else { throw WeirError(.corrupt, "an LZ4 block lacks its size") }
            let size = block.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            let body = block.dropFirst(4)
            return try CompressedBlock.decompress(body, .lz4, size: try Self.checked(size, of: body))
        }
    }

    private static func snappySize(_ block: ArraySlice<UInt8>) throws(WeirError) -> Int {
        var size = 0
        for (index, byte) in block.prefix(5).enumerated() {
            size |= Int(byte & 0x7f) << (7 * index)
            if byte & 0x80 == 0 { return try checked(size, of: block) }
        }
        throw WeirError(.corrupt, "a snappy block does not say its size")
    }

    private static func checked(_ size: Int, of block: ArraySlice<UInt8>) throws(WeirError) -> Int {
        // Neither codec makes a byte stand for more than 255.
        guard size <= min(largestBlock, block.count * 256) else {
            throw WeirError(.corrupt, "a compressed block claims \(size) bytes")
        }
        return size
    }
}
