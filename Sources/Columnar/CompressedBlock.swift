import Bytes
import CArrowShim

/// Compresses and decompresses single blocks with the codecs included in Arrow.
public enum CompressedBlock {
    public enum Codec: Sendable, CaseIterable {
        case snappy
        /// A bare block, without a frame.
        case lz4

        fileprivate var number: Int32 { self == .snappy ? Int32(WEIR_CODEC_SNAPPY) : Int32(WEIR_CODEC_LZ4) }
    }

    /// The `size` decompressed bytes. Fails on damaged input and when the size differs.
    public static func decompress(_ block: some Collection<UInt8>, _ codec: Codec, size: Int) throws(WeirError)
        -> [UInt8]
    {
        var output = GrowableBuffer(capacity: size)
        try Array(block).withUnsafeBufferPointer { (input) throws(WeirError) in
            try decompress(UnsafeRawBufferPointer(input), codec, size: size, into: &output)
        }
        return [UInt8](UnsafeRawBufferPointer(start: output.base, count: output.count))
    }

    /// Appends the `size` decompressed bytes.
    public static func decompress(
        _ block: UnsafeRawBufferPointer,
        _ codec: Codec,
        size: Int,
        into output: inout GrowableBuffer
    ) throws(WeirError) {
        output.reserve(size)
        var failure = weir_arrow_error()
        let code = weir_decompress_block(
            codec.number,
            block.baseAddress?.assumingMemoryBound(to: UInt8.self),
            Int64(block.count),
            (output.base + output.count).assumingMemoryBound(to: UInt8.self),
            Int64(size),
            &failure
        )
        try check(code, failure)
        output.advance(by: size)
    }

    /// Appends the decompressed bytes of a snappy block, whose size is stored as a plain varint at its start.
    ///
    /// - Parameter limit: maximum size; a larger block is refused before memory is allocated.
    public static func decompressSnappy(
        _ block: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer,
        limit: Int
    ) throws(WeirError) {
        var size = 0
        for (index, byte) in block.prefix(5).enumerated() {
            size |= Int(byte & 0x7f) << (7 * index)
            guard byte & 0x80 == 0 else { continue }
            return try decompress(block, .snappy, size: try checked(size, of: block.count, limit), into: &output)
        }
        throw WeirError(.corrupt, "a snappy block does not say its size")
    }

    /// Returns the size a block claims if it is plausible: in both codecs, a byte expands to at most 255 bytes.
    public static func checked(_ size: Int, of compressed: Int, _ limit: Int) throws(WeirError) -> Int {
        guard size <= min(limit, compressed * 256) else {
            throw WeirError(.corrupt, "a compressed block claims \(size) bytes")
        }
        return size
    }

    public static func compress(_ bytes: [UInt8], _ codec: Codec) throws(WeirError) -> [UInt8] {
        var output = GrowableBuffer()
        try bytes.withUnsafeBufferPointer { (input) throws(WeirError) in
            try compress(UnsafeRawBufferPointer(input), codec, into: &output)
        }
        return [UInt8](UnsafeRawBufferPointer(start: output.base, count: output.count))
    }

    /// Appends one block.
    public static func compress(
        _ bytes: UnsafeRawBufferPointer,
        _ codec: Codec,
        into output: inout GrowableBuffer
    ) throws(WeirError) {
        let room = weir_compressed_bound(codec.number, Int64(bytes.count))
        output.reserve(Int(room))
        var failure = weir_arrow_error()
        var written: Int64 = 0
        let code = weir_compress_block(
            codec.number,
            bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
            Int64(bytes.count),
            (output.base + output.count).assumingMemoryBound(to: UInt8.self),
            room,
            &written,
            &failure
        )
        try check(code, failure)
        output.advance(by: Int(written))
    }

    private static func check(_ code: Int32, _ failure: weir_arrow_error) throws(WeirError) {
        guard code != WEIR_ARROW_OK else { return }
        let isMissing = code == WEIR_ARROW_UNSUPPORTED
        throw WeirError(isMissing ? .unsupported : .corrupt, "a compressed block cannot be read: \(failure.text)")
    }
}
