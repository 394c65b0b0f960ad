import Bytes
import CArrowShim

/// Single blocks of the codecs that come with Arrow.
public enum CompressedBlock {
    public enum Codec: Sendable, CaseIterable {
        case snappy
        /// A bare block, without a frame.
        case lz4

        fileprivate var number: Int32 { self == .snappy ? Int32(WEIR_CODEC_SNAPPY) : Int32(WEIR_CODEC_LZ4) }
    }

    /// The original bytes, `size` in number. Fails on damaged input and on another number of bytes.
    public static func decompress(_ block: some Collection<UInt8>, _ codec: Codec, size: Int) throws(WeirError)
        -> [UInt8]
    {
        let input = Array(block)
        var output = [UInt8](repeating: 0, count: size)
        var failure = weir_arrow_error()
        let code = output.withUnsafeMutableBufferPointer { target in
            weir_decompress_block(codec.number, input, Int64(input.count), target.baseAddress, Int64(size), &failure)
        }
        try check(code, failure)
        return output
    }

    public static func compress(_ bytes: [UInt8], _ codec: Codec) throws(WeirError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: Int(weir_compressed_bound(codec.number, Int64(bytes.count))))
        var failure = weir_arrow_error()
        var written: Int64 = 0
        let room = Int64(output.count)
        let code = output.withUnsafeMutableBufferPointer { target in
            weir_compress_block(
                codec.number,
                bytes,
                Int64(bytes.count),
                target.baseAddress,
                room,
                &written,
                &failure
            )
        }
        try check(code, failure)
        return Array(output.prefix(Int(written)))
    }

    private static func check(_ code: Int32, _ failure: weir_arrow_error) throws(WeirError) {
        guard code != WEIR_ARROW_OK else { return }
        let message = withUnsafeBytes(of: failure.message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let isMissing = code == WEIR_ARROW_UNSUPPORTED
        throw WeirError(isMissing ? .unsupported : .corrupt, "a compressed block cannot be read: \(message)")
    }
}
