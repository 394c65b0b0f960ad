import Bytes
import Testing
import WeirTesting

struct DeflateTests {
    @Test(arguments: [0, 1, 100, 5000, 300_000])
    func `bytes come back`(_ count: Int) throws {
        var generator = SeededGenerator(seed: UInt64(count))
        let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 100) }
        for bytes in [noise, text] {
            let packed = try Deflate.compress(bytes)
            #expect(try Deflate.decompress(packed) == bytes)
            if count > 1000, bytes == text { #expect(packed.count < count / 4) }
        }
    }

    @Test
    func `output beyond the limit is refused`() throws {
        let packed = try Deflate.compress([UInt8](repeating: 7, count: 1 << 20))
        #expect(throws: WeirError.self) { try Deflate.decompress(packed, limit: 1 << 16) }
        #expect(try Deflate.decompress(packed, limit: 1 << 20).count == 1 << 20)
    }

    @Test
    func `torn and damaged input is an error or other bytes, never a crash`() throws {
        var generator = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        let bytes = (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7) }
        let packed = try Deflate.compress(bytes)
        for length in 0..<packed.count {
            #expect(throws: WeirError.self) { try Deflate.decompress(Array(packed[..<length])) }
        }
        for _ in 0..<Soak.rounds(500) {
            var damaged = packed
            damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            _ = try? Deflate.decompress(damaged, limit: 1 << 20)
        }
    }
}
