import CZlib

/// Raw deflate (RFC 1951, no header), the form Avro container files use.
public enum Deflate {
    public static func compress(_ input: [UInt8], level: Int32 = 6) throws(WeirError) -> [UInt8] {
        var stream = z_stream()
        let version = zlibVersion()
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, version, size) == Z_OK else {
            throw WeirError(.storage, "zlib cannot start compressing")
        }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(input.count)))
        let status = run(&stream, input, capacity: bound) { deflate(&$0, Z_FINISH) }
        guard status.code == Z_STREAM_END else { throw WeirError(.storage, "zlib failed with code \(status.code)") }
        return status.output
    }

    /// Fails on damaged input and on output beyond `limit` bytes.
    public static func decompress(_ input: [UInt8], limit: Int = 1 << 30) throws(WeirError) -> [UInt8] {
        var stream = z_stream()
        guard inflateInit2_(&stream, -15, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw WeirError(.storage, "zlib cannot start decompressing")
        }
        defer { inflateEnd(&stream) }
        var capacity = max(4096, input.count * 4)
        while true {
            let status = run(&stream, input, capacity: min(capacity, limit)) { inflate(&$0, Z_FINISH) }
            if status.code == Z_STREAM_END { return status.output }
            guard status.code == Z_BUF_ERROR, capacity < limit, stream.avail_out == 0 else {
                throw WeirError(.corrupt, "deflated data is damaged (zlib code \(status.code))")
            }
            inflateReset(&stream)
            capacity *= 4
        }
    }

    private static func run(
        _ stream: inout z_stream,
        _ input: [UInt8],
        capacity: Int,
        _ step: (inout z_stream) -> Int32
    ) -> (code: Int32, output: [UInt8]) {
        var code: Int32 = Z_OK
        let output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            input.withUnsafeBufferPointer { source in
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                stream.avail_in = UInt32(source.count)
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(capacity)
                code = step(&stream)
                count = capacity - Int(stream.avail_out)
            }
        }
        return (code, output)
    }
}
