import Bytes
import Columnar

/// The compression codecs of Kafka record batches, by their number in the attributes.
public enum CompressionCodec: Int16, Sendable, CaseIterable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// Limit of the decompressed size of a batch, so that a damaged length cannot exhaust memory.
    static let expandedBytesMax = 1 << 30

    /// Appends the compressed form of the input.
    func compress(_ input: UnsafeRawBufferPointer, into output: inout GrowableBuffer) throws(WeirError) {
        switch self {
        case .none: output.append(input)
        case .gzip: try Gzip.compress(input, into: &output)
        case .snappy: try CompressedBlock.compress(input, .snappy, into: &output)
        case .lz4: try LZ4Frame.compress(input, into: &output)
        case .zstd: try Zstandard.compress(input, into: &output)
        }
    }

    /// Appends the original form.
    func decompress(_ input: UnsafeRawBufferPointer, into output: inout GrowableBuffer) throws(WeirError) {
        switch self {
        case .none: output.append(input)
        case .gzip: try Gzip.decompress(input, into: &output, limit: Self.expandedBytesMax)
        case .snappy: try Self.decompressSnappy(input, into: &output)
        case .lz4: try LZ4Frame.decompress(input, into: &output, limit: Self.expandedBytesMax)
        case .zstd: try Zstandard.decompress(input, into: &output, limit: Self.expandedBytesMax)
        }
    }

    /// Header that Java clients write before their snappy blocks: magic, version, minimum compatible version.
    private static let xerialMark: [UInt8] = [0x82] + Array("SNAPPY".utf8) + [0]
    private static let xerialHeaderBytes = 16

    /// librdkafka writes one bare block. Java clients write a header followed by blocks of 32 KiB, each preceded by its
    /// length as a big-endian 32-bit number. A bare block cannot start with the bytes of that header.
    private static func decompressSnappy(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer
    ) throws(WeirError) {
        guard input.starts(with: xerialMark) else {
            return try CompressedBlock.decompressSnappy(input, into: &output, limit: expandedBytesMax)
        }
        let start = output.count
        var next = xerialHeaderBytes
        while next < input.count {
            guard next + 4 <= input.count else { throw WeirError(.corrupt, "snappy data ends inside a length") }
            let length = Int(UInt32(bigEndian: input.loadUnaligned(fromByteOffset: next, as: UInt32.self)))
            next += 4
            guard length > 0, length <= input.count - next else {
                throw WeirError(.corrupt, "snappy data ends inside a block of \(length) bytes")
            }
            try CompressedBlock.decompressSnappy(
                UnsafeRawBufferPointer(rebasing: input[next..<next + length]),
                into: &output,
                limit: expandedBytesMax - (output.count - start)
            )
            next += length
        }
    }
}
