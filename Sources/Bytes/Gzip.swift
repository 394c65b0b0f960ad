import CZlib

/// Gzip (RFC 1952), appended to and read from raw memory.
public enum Gzip {
    /// Appends the compressed form of the input.
    public static func compress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer,
        level: Int32 = 6
    ) throws(WeirError) {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size) == Z_OK
        else { throw WeirError(.storage, "zlib cannot start compressing") }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(input.count)))
        guard input.count <= UInt32.max, bound <= UInt32.max else {
            throw WeirError(.invalid, "\(input.count) bytes are too many to compress at once")
        }
        output.reserve(bound)
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(input.count)
        stream.next_out = (output.base + output.count).assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(bound)
        let code = deflate(&stream, Z_FINISH)
        guard code == Z_STREAM_END else { throw WeirError(.storage, "zlib failed with code \(code)") }
        output.advance(by: bound - Int(stream.avail_out))
    }

    /// Appends the decompressed data. Fails on damaged input and on output beyond `limit` bytes.
    public static func decompress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer,
        limit: Int
    ) throws(WeirError) {
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 16, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw WeirError(.storage, "zlib cannot start decompressing")
        }
        defer { inflateEnd(&stream) }
        guard input.count <= UInt32.max else { throw WeirError(.invalid, "\(input.count) bytes are too many at once") }
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(input.count)
        var produced = 0
        while true {
            let room = min(max(64 << 10, input.count * 4), limit - produced)
            output.reserve(room)
            stream.next_out = (output.base + output.count).assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(room)
            let code = inflate(&stream, Z_NO_FLUSH)
            output.advance(by: room - Int(stream.avail_out))
            produced += room - Int(stream.avail_out)
            if code == Z_STREAM_END { return }
            guard code == Z_OK, stream.avail_out == 0, produced < limit else {
                throw WeirError(
                    .corrupt,
                    produced >= limit
                        ? "gzip data expands beyond \(limit) bytes" : "gzip data is damaged (zlib code \(code))"
                )
            }
        }
    }
}
