import Bytes
import Columnar
import Foundation
import Testing
import WeirTesting

/// The layout of LZ4 frames, which other programs must be able to read.
@Suite struct LZ4FrameTests {
    private static let blockBytesMax = 256 << 10

    /// The texts of one block, of several, and of bytes that cannot be compressed.
    private static let inputs: [(name: String, bytes: [UInt8])] = {
        var generator = SeededGenerator(seed: 7)
        let noise = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = Array(String(repeating: "weir ", count: 150_000).utf8)
        return [
            ("nothing", []), ("a byte", [1]), ("a block", Array(text[..<blockBytesMax])),
            ("a byte more", Array(text[...blockBytesMax])), ("text", text), ("noise", noise), ("both", noise + text),
        ]
    }()

    @Test(arguments: inputs.indices)
    func `every block of a frame can be read alone, as Java clients require`(index: Int) throws {
        let (name, bytes) = Self.inputs[index]
        let frame = try Self.pack(bytes)
        #expect(frame.starts(with: [0x04, 0x22, 0x4d, 0x18]), "\(name)")
        let flags = frame[4]
        #expect(flags >> 6 == 1 && flags & 0b10_0000 != 0, "\(name): version 1, independent blocks")
        #expect(flags & 0b01_1111 == 0, "\(name): no checksums, no size, no dictionary")
        #expect(frame[5] == 5 << 4, "\(name): blocks of 256 KiB")
        // Each block on its own, without the ones before it.
        var plain: [UInt8] = []
        var next = 7
        while true {
            let length = frame[next..<next + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
            next += 4
            if length == 0 { break }
            let block = frame[next..<next + Int(length & 0x7fff_ffff)]
            next += block.count
            let size = min(Self.blockBytesMax, bytes.count - plain.count)
            plain += length >> 31 == 1 ? Array(block) : try CompressedBlock.decompress(block, .lz4, size: size)
        }
        #expect(next == frame.count && plain == bytes, "\(name)")
        // liblz4 checks the header's checksum.
        #expect(try Self.expand(frame, limit: bytes.count + 1) == bytes, "\(name)")
        #expect(frame.count <= bytes.count + 7 + 4 * (bytes.count / Self.blockBytesMax + 2), "\(name)")
    }

    @Test func `frames of linked blocks, as earlier versions wrote them, are read`() throws {
        let frame = try #require(Data(base64Encoded: Self.linked))
        #expect(frame[4] & 0b10_0000 == 0)
        let word = "0123456789abcdefghijklmnopqrstuvwxyz"
        let weirs = [4000, 10_000].map { String(repeating: "weir ", count: $0) + word }
        #expect(try Self.expand(Array(frame), limit: 1 << 20) == Array(weirs.joined().utf8))
    }

    /// Two blocks; the second one takes its last word from the first.
    private static let linked =
        "BCJNGEBAwDsBAABfd2VpciAFAP//////////////////////////////////////////////////////////////////////////"
        + "/////////////////////////////1b/FTAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ej9O////////////////"
        + "////////////////////////////////////////////////////////////////////////////////////////Vg8bTv//////"
        + "////////////////////////////////////////////////////////////////////////////////////////////////////"
        + "/////////////////////////+xQd2VpciAfAAAAD6Zj//////////////////////+SD3TDDFB2d3h5egAAAAA="

    private static func pack(_ bytes: [UInt8]) throws(WeirError) -> [UInt8] {
        var output = GrowableBuffer()
        try bytes.withUnsafeBufferPointer { (input) throws(WeirError) in
            try LZ4Frame.compress(UnsafeRawBufferPointer(input), into: &output)
        }
        return [UInt8](UnsafeRawBufferPointer(start: output.base, count: output.count))
    }

    private static func expand(_ bytes: [UInt8], limit: Int) throws(WeirError) -> [UInt8] {
        var output = GrowableBuffer()
        try bytes.withUnsafeBufferPointer { (input) throws(WeirError) in
            try LZ4Frame.decompress(UnsafeRawBufferPointer(input), into: &output, limit: limit)
        }
        return [UInt8](UnsafeRawBufferPointer(start: output.base, count: output.count))
    }
}
