import Bytes
import CArrowShim

/// LZ4 frames (lz4_Frame_format.md), appended to and read from raw memory.
public enum LZ4Frame {
    /// The magic number; version 1 with independent blocks and no checksums; blocks of at most 256 KiB; the checksum of
    /// the two bytes before it. Readers of Java clients take independent blocks only.
    private static let header: [UInt8] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x50, 0xfb]
    private static let blockBytesMax = 256 << 10
    /// The bit of a block's length that marks bytes stored as they are.
    private static let storedBit: UInt32 = 1 << 31
    private static let lengthBytes = 4

    /// Appends one frame.
    public static func compress(
        _ input: UnsafeRawBufferPointer,
        into output: inout GrowableBuffer
    ) throws(WeirError) {
        header.withUnsafeBytes { output.append($0) }
        for start in stride(from: 0, to: input.count, by: blockBytesMax) {
            let end = min(start + blockBytesMax, input.count)
            let block = UnsafeRawBufferPointer(rebasing: input[start..<end])
            let lengthOffset = output.count
            output.append(UInt32(0))
            try CompressedBlock.compress(block, .lz4, into: &output)
            var length = UInt32(output.count - lengthOffset - lengthBytes)
            if length >= block.count {
                output.removeLast(Int(length))
                output.append(block)
                length = UInt32(block.count) | storedBit
            }
            output.base.storeBytes(of: length.littleEndian, toByteOffset: lengthOffset, as: UInt32.self)
        }
        // A length of zero ends the frame.
        output.append(UInt32(0))
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
