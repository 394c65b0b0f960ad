import Bytes
import Columnar

/// The compression of the blocks of an Avro file (Avro 1.12, "Required Codecs" and "Optional Codecs").
enum AvroCodec: String {
    case null, deflate, snappy, zstandard
    /// Not in the specification, but written by fastavro: the original size in four little-endian bytes, an LZ4 block.
    case lz4

    // Larger blocks are refused before memory is allocated.
    private static let largestBlock = 1 << 30

    init(named name: String) throws(WeirError) {
        guard let codec = AvroCodec(rawValue: name) else {
            throw WeirError(
                .unsupported,
                "the Avro file is compressed with '\(name)', which is not read; deflate, snappy, zstandard and lz4 are",
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
            // The block ends with the CRC-32 of the original bytes.
            guard block.count > 4 else { throw WeirError(.corrupt, "a snappy block lacks its checksum") }
            let body = block.dropLast(4)
            var buffer = GrowableBuffer()
            try body.withUnsafeBufferPointer { (body) throws(WeirError) in
                try CompressedBlock.decompressSnappy(
                    UnsafeRawBufferPointer(body),
                    into: &buffer,
                    limit: Self.largestBlock
                )
            }
            let output = buffer.finishBytes()
            let checksum = block.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard output.withUnsafeBytes({ CRC32.checksum($0) }) == checksum else {
                throw WeirError(.corrupt, "the checksum of a snappy block is wrong")
            }
            return output
        case .lz4:
            guard block.count > 4 else { throw WeirError(.corrupt, "an LZ4 block lacks its size") }
            let size = block.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            let body = block.dropFirst(4)
            let checked = try CompressedBlock.checked(size, of: body.count, Self.largestBlock)
            return try CompressedBlock.decompress(body, .lz4, size: checked)
        }
    }
}
