import CZstd

/// Zstandard frames (RFC 8878), appended to and read from raw memory.
public enum Zstandard {
    /// Appends the compressed form of the input.
    public static func compress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer,
        level: Int32 = 3
    ) throws(WeirError) {
        let bound = ZSTD_compressBound(input.count)
        output.reserve(bound)
        let count = ZSTD_compress(output.base + output.count, bound, input.baseAddress, input.count, level)
        guard ZSTD_isError(count) == 0 else {
            throw WeirError(.storage, "zstd failed: \(String(cString: ZSTD_getErrorName(count)))")
        }
        output.advance(by: count)
    }

    /// Appends the decompressed data. Frames need not contain their length. Fails on damaged input and on output beyond
    /// `limit` bytes.
    public static func decompress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer,
        limit: Int
    ) throws(WeirError) {
        guard let context = ZSTD_createDCtx() else { throw WeirError(.storage, "zstd cannot start decompressing") }
        defer { ZSTD_freeDCtx(context) }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var produced = 0
        while true {
            let room = min(max(128 << 10, input.count * 4), limit - produced)
            output.reserve(room)
            var target = ZSTD_outBuffer(dst: output.base + output.count, size: room, pos: 0)
            let left = ZSTD_decompressStream(context, &target, &source)
            guard ZSTD_isError(left) == 0 else {
                throw WeirError(.corrupt, "zstd data is damaged: \(String(cString: ZSTD_getErrorName(left)))")
            }
            output.advance(by: target.pos)
            produced += target.pos
            if left == 0, source.pos == source.size { return }
            if target.pos == target.size {
                guard produced < limit else { throw WeirError(.corrupt, "zstd data expands beyond \(limit) bytes") }
            } else if source.pos == source.size {
                throw WeirError(.corrupt, "zstd data ends too early")
            }
        }
    }
}
