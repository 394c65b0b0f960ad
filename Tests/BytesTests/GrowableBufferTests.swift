import Bytes
import Testing
import WeirTesting

struct GrowableBufferTests {
    @Test
    func `grows past its capacity and keeps every byte`() {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        var buffer = GrowableBuffer()
        var expected: [UInt8] = []
        for _ in 0..<Soak.rounds(2000) {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let value = generator.next()
                buffer.append(value)
                withUnsafeBytes(of: value) { expected += $0 }
            case 1:
                buffer.append(repeating: 7, count: 13)
                expected += [UInt8](repeating: 7, count: 13)
            case 2:
                let bytes = (0..<Int.random(in: 0..<50, using: &generator)).map { UInt8($0) }
                bytes.withUnsafeBytes { buffer.append($0) }
                expected += bytes
            default:
                buffer.reserve(3)
                buffer.base.storeBytes(of: 0x0102, toByteOffset: buffer.count, as: UInt16.self)
                buffer.advance(by: 2)
                expected += [2, 1]
            }
        }
        let count = buffer.count
        #expect(count == expected.count)
        let finished = buffer.finish()
        #expect(Array(finished.bytes) == expected)
        #expect(Int(bitPattern: finished.base) % 64 == 0)
        let left = buffer.count
        #expect(left == 0)
    }

    @Test
    func `a slice keeps its buffer's memory`() {
        var whole: Buffer? = Buffer(copying: (0..<100).map { UInt8($0) })
        let slice = whole?.slice(from: 10, count: 5)
        whole = nil
        #expect(slice.map { Array($0.bytes) } == [10, 11, 12, 13, 14])
    }

    @Test
    func `a body that throws leaves no buffer behind`() {
        struct Stop: Error {}
        #expect(throws: Stop.self) { try Buffer.filled(count: 10) { _ in throw Stop() } }
    }
}
