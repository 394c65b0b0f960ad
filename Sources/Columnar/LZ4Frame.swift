import Bytes
import CArrowShim

/// LZ4 frames (lz4_Frame_format.md), appended to and read from raw memory.
public enum LZ4Frame {
    public static func compress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer
    ) throws(WeirError) {
        try CompressedBlock.compressFrame(input, into: &output)
    }

    /// Appends the decompressed bytes of one or more frames, which need not contain their size. Fails on damaged input
    /// and on output beyond `limit` bytes.
    public static func decompress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer,
        limit: Int
    ) throws(WeirError) {
        guard let frames = weir_lz4_frames_create() else {
            throw WeirError(.storage, "LZ4 cannot start decompressing")
        }
        defer { weir_lz4_frames_free(frames) }
        var next = 0
        var produced = 0
        while true {
            let room = min(max(64 << 10, input.count * 4), limit - produced)
            output.reserve(room)
            var (taken, written, isWhole) = (Int64(0), Int64(0), false)
            var failure = weir_arrow_error()
            let code = weir_lz4_frames_read(
                frames,
                input.baseAddress.map { ($0 + next).assumingMemoryBound(to: UInt8.self) },
                Int64(input.count - next),
                (output.base + output.count).assumingMemoryBound(to: UInt8.self),
                Int64(room),
                &taken,
                &written,
                &isWhole,
                &failure
            )
            guard code == WEIR_ARROW_OK else {
                throw WeirError(.corrupt, "LZ4 data is damaged: \(failure.text)")
            }
            output.advance(by: Int(written))
            next += Int(taken)
            produced += Int(written)
            if isWhole, next == input.count { return }
            // A damaged frame may seem to continue: fail if decompression makes no progress.
            if written == room, produced >= limit {
                throw WeirError(.corrupt, "LZ4 data expands beyond \(limit) bytes")
            }
            guard isWhole || written > 0 || (taken > 0 && next < input.count) else {
                throw WeirError(.corrupt, "LZ4 data ends too early")
            }
        }
    }
}
