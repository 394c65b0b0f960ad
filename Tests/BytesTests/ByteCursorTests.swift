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
}
