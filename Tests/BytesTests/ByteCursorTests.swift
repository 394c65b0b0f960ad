import Bytes
import Testing
import WeirTesting

struct ByteCursorTests {
    @Test
    func `varints of every length come back`() throws {
        var values: [UInt64] = [0, 1, 127, 128, .max, .max - 1]
        for shift in 0..<64 { values += [1 << UInt64(shift), (1 << UInt64(shift)) - 1] }
        var writer = ByteWriter()
        for value in values { writer.writeUnsignedVarint(value) }
        for value in values { writer.writeVarint(Int64(bitPattern: value)) }
        var reader = ByteReader(writer.bytes.span.bytes)
        for value in values {
            let back = try reader.readUnsignedVarint()
            #expect(back == value)
        }
        for value in values {
            let back = try reader.readVarint()
            #expect(back == Int64(bitPattern: value))
        }
        let isAtEnd = reader.isAtEnd
        #expect(isAtEnd)
    }

    @Test
    func `zigzag numbers have their known bytes`() {
        var writer = ByteWriter()
        for value: Int64 in [0, -1, 1, -64, 64, .min] { writer.writeVarint(value) }
        #expect(
            writer.bytes == [0, 1, 2, 0x7f, 0x80, 1] + [UInt8](repeating: 0xff, count: 9) + [1]
        )
    }

    @Test
    func `fixed-width numbers, text and patches come back`() throws {
        var writer = ByteWriter(capacity: 4)
        writer.writeBigEndian(Int32(0))
        writer.writeLittleEndian(UInt16(0x0102))
        writer.writeUInt8(9)
        writer.writeString("dam 水")
        writer.writeBytes([1, 2])
        writer.patchBigEndian(Int32(-5), at: 0)
        let bytes = writer.bytes
        #expect(bytes[4] == 2)
        var reader = ByteReader(bytes.span.bytes)
        let number = try reader.readBigEndian(Int32.self)
        let small = try reader.readLittleEndian(UInt16.self)
        let byte = try reader.readUInt8()
        let text = try reader.readString(7)
        #expect(number == -5 && small == 0x0102 && byte == 9 && text == "dam 水")
        try reader.skip(1)
        let rest = try reader.readBytes(1)
        #expect(rest == [2])
        try reader.seek(to: 4)
        let left = reader.remaining
        #expect(left == bytes.count - 4)
    }

    @Test
    func `whatever reaches past the end is an error and moves nothing`() {
        func failure(_ bytes: [UInt8], _ body: (inout ByteReader) throws(WeirError) -> Void) -> (WeirError?, Int) {
            var reader = ByteReader(bytes.span.bytes)
            do throws(WeirError) {
                try body(&reader)
                return (nil, reader.offset)
            } catch {
                return (error, reader.offset)
            }
        }
        let three: [UInt8] = [0xff, 0xff, 0xff]
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readBigEndian(Int32.self) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readBigEndian(Int32.self) }.1 == 0)
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readBytes(4) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readBytes(-1) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readBytes(.max) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in try r.skip(4) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in try r.skip(-1) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in try r.seek(to: 4) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in try r.seek(to: -1) }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readVarint() }.0?.code == .corrupt)
        #expect(failure(three) { (r) throws(WeirError) in _ = try r.readString(3) }.0?.code == .corrupt)
        // A varint of eleven bytes, and one of ten bytes whose last byte has more than the 64th bit.
        let eleven = [UInt8](repeating: 0xff, count: 11)
        #expect(failure(eleven) { (r) throws(WeirError) in _ = try r.readUnsignedVarint() }.0?.code == .corrupt)
        let tooWide = [UInt8](repeating: 0xff, count: 9) + [2]
        #expect(failure(tooWide) { (r) throws(WeirError) in _ = try r.readUnsignedVarint() }.0?.code == .corrupt)
    }
}
