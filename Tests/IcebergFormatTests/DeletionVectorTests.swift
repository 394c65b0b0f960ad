import Bytes
import Columnar
import Foundation
import Testing
import WeirTesting

@testable import IcebergFormat

/// Deletion vectors against the bytes of Iceberg's Java library, damage, and another Roaring implementation.
@Suite struct DeletionVectorTests {
    private static func java(_ name: String) throws -> [UInt8] {
        try FixtureTests.bytes("deletion-vectors", name + ".bin")
    }

    /// The positions of Java's `TestBitmapPositionDeleteIndex`, by the name of the file with their bytes.
    private static let javaPositions: [String: [Int64]] = {
        func position(_ bitmap: Int64, _ container: Int64, _ value: Int64) -> Int64 {
            bitmap << 32 + container << 16 + value
        }
        var all = [position(0, 0, 5), position(0, 0, 7)]
        all += position(0, 1, 1)..<position(0, 1, 1000)
        all += position(0, 2, 1)..<position(0, 2, 65535)
        all += [position(1, 0, 10), position(1, 0, 20)]
        all += position(1, 1, 10)..<position(1, 1, 500)
        all += position(1, 2, 1)..<position(1, 2, 65535)
        return [
            "empty": [],
            "small-alternating-values": [1, 3, 5, 7, 9],
            "small-and-large-values": [100, 101, 2_147_483_747, 2_147_483_748],
            "all-container-types": all,
        ]
    }()

    @Test(arguments: javaPositions.keys.sorted())
    func `vectors have the same bytes as those of Java`(name: String) throws {
        let positions = try #require(Self.javaPositions[name])
        let bytes = try Self.java(name)
        #expect(DeletionVector.encode(PositionBitmap(positions)) == bytes)
        let decoded = try DeletionVector.decode(bytes, cardinality: Int64(positions.count), rowCount: 1 << 40)
        #expect(decoded == positions)
    }

    /// Positions in all densities, so that all kinds of containers and several bitmaps occur.
    private static func positions(_ random: inout SeededGenerator) -> [Int64] {
        var all: Set<Int64> = []
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let start = Int64.random(in: 0..<4, using: &random) << 32 + Int64.random(in: 0..<200_000, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: all.formUnion(start..<start + Int64.random(in: 1...70_000, using: &random))
            case 1: for _ in 0..<300 { all.insert(start + Int64.random(in: 0..<1_000_000, using: &random)) }
            default: for step in 0..<Int64(9_000) { all.insert(start + step * 2) }
            }
        }
        return all.sorted()
    }

    @Test(arguments: SeededGenerator.seeds(10))
    func `what is written is read again, in whatever order it came`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let positions = Self.positions(&random)
        let bytes = DeletionVector.encode(PositionBitmap(positions.shuffled(using: &random)))
        let isSame = bytes == DeletionVector.encode(PositionBitmap(positions))
        #expect(isSame, "seed \(seed)")
        let count = Int64(positions.count)
        let decoded = try DeletionVector.decode(bytes, cardinality: count, rowCount: (positions.last ?? 0) + 1)
        #expect(decoded == positions, "seed \(seed)")
        // Wrong expectations are refused: the manifest's count, and a data file with fewer rows.
        #expect(throws: WeirError.self) {
            try DeletionVector.decode(bytes, cardinality: count + 1, rowCount: 1 << 40)
        }
        if let last = positions.last {
            let error = #expect(throws: WeirError.self) {
                try DeletionVector.decode(bytes, cardinality: count, rowCount: last)
            }
            #expect(error?.message.contains("deletes row \(last) of a data file with \(last) rows") == true)
        }
    }

    @Test(arguments: SeededGenerator.seeds(10))
    func `damage is an error and never a trap, also under a right checksum`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let positions = Self.positions(&random)
        let bytes = DeletionVector.encode(PositionBitmap(positions))
        let count = Int64(positions.count)
        for _ in 0..<Soak.rounds(60) {
            var damaged = bytes
            let index = Int.random(in: 0..<bytes.count, using: &random)
            damaged[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &random)
            #expect(throws: WeirError.self, "seed \(seed), byte \(index)") {
                try DeletionVector.decode(damaged, cardinality: count, rowCount: 1 << 40)
            }
            // Sealed again, the bitmap itself must be checked.
            for _ in 0..<Int.random(in: 0...3, using: &random) where bytes.count > 20 {
                damaged[Int.random(in: 8..<bytes.count - 4, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                damaged.removeLast(Int.random(in: 0...bytes.count - 12, using: &random))
            }
            Self.seal(&damaged)
            if let read = try? DeletionVector.decode(damaged, cardinality: count, rowCount: 1 << 40) {
                #expect(Int64(read.count) == count && Set(read).count == read.count && read == read.sorted())
            }
        }
    }

    private static func seal(_ bytes: inout [UInt8]) {
        var writer = ByteWriter(capacity: 12)
        writer.writeBigEndian(UInt32(bytes.count - 8))
        writer.writeBytes([0xd1, 0xd3, 0x39, 0x64])
        bytes.replaceSubrange(0..<8, with: writer.bytes)
        let crc = bytes[4..<bytes.count - 4].withUnsafeBytes { CRC32.checksum($0) }
        writer.removeAll()
        writer.writeBigEndian(crc)
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: writer.bytes)
    }

    /// A few bytes that stand for more rows than memory holds, and structures that CRoaring would trust.
    @Test func `forged bitmaps are refused before anything is made of them`() throws {
        func vector(_ words: [UInt16], key: UInt32 = 0) -> [UInt8] {
            var writer = ByteWriter(capacity: 64)
            writer.writeBytes([UInt8](repeating: 0, count: 8))
            writer.writeLittleEndian(UInt64(1))
            writer.writeLittleEndian(key)
            for word in words { writer.writeLittleEndian(word) }
            writer.writeBytes([UInt8](repeating: 0, count: 4))
            var bytes = writer.bytes
            Self.seal(&bytes)
            return bytes
        }
        func refusal(_ bytes: [UInt8], _ cardinality: Int64, rows: Int64 = 1000) -> WeirError? {
            #expect(throws: WeirError.self) {
                try DeletionVector.decode(bytes, cardinality: cardinality, rowCount: rows)
            }
        }
        // One run of 65,536 rows in 15 bytes, in a file of 10 rows.
        var writer = ByteWriter(capacity: 32)
        writer.writeBytes([UInt8](repeating: 0, count: 8))
        writer.writeLittleEndian(UInt64(1))
        writer.writeLittleEndian(UInt32(0))
        writer.writeLittleEndian(UInt32(12347))
        writer.writeUInt8(1)
        for word in [0, 65535, 1, 0, 65535] as [UInt16] { writer.writeLittleEndian(word) }
        writer.writeBytes([0, 0, 0, 0])
        var whole = writer.bytes
        Self.seal(&whole)
        #expect(try DeletionVector.decode(whole, cardinality: 65536, rowCount: 65536).count == 65536)
        #expect(refusal(whole, 65536, rows: 10)?.message.contains("with 10 rows") == true)
        // An array that is not ascending, one with a value twice, and containers in the wrong order.
        let array: [UInt16] = [12346, 0, 1, 0, 0, 1, 16, 0]
        #expect(try DeletionVector.decode(vector(array + [5, 9]), cardinality: 2, rowCount: 1000) == [5, 9])
        #expect(refusal(vector(array + [9, 5]), 2)?.message.contains("wrong order") == true)
        #expect(refusal(vector(array + [9, 9]), 2)?.message.contains("wrong order") == true)
        #expect(
            refusal(vector([12346, 0, 2, 0, 1, 0, 0, 0, 24, 0, 26, 0, 5, 5]), 2)?.message.contains("order") == true
        )
        #expect(refusal(vector([12346, 0, 0xffff, 0xffff]), 2)?.message.contains("containers") == true)
        #expect(refusal(vector([777, 0, 1, 0]), 2)?.message.contains("cookie") == true)
        // A negative position.
        #expect(refusal(vector(array + [5, 9], key: 1 << 31), 2, rows: .max)?.message.contains("order") == true)
        // Where a fault is, is said.
        #expect(refusal(vector(array + [9, 5]), 2)?.location?.contains("byte 8, byte") == true)
    }

    @Test(.enabled(if: Peers.shouldRun, "scripts/install-test-peers has not run"), arguments: SeededGenerator.seeds(3))
    func `another implementation reads the vectors of a file by its footer`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let all = (0..<5).map { _ in Self.positions(&random) }
        let file = DeletionVector.file(
            of: all.enumerated().map {
                DeletionVector.Entry(dataFile: "file:///t/\($0.offset).parquet", positions: PositionBitmap($0.element))
            }
        )
        try withTemporaryFolder { folder in
            let path = folder + "/vectors.puffin"
            try Data(file.bytes).write(to: URL(fileURLWithPath: path))
            let answer = try JSONValue.parse(Peers.run("deletion_vectors.py", [path]))
            let vectors = answer.asArray ?? []
            #expect(vectors.count == 5)
            for (index, json) in vectors.enumerated() {
                let vector = try #require(json.asObject)
                #expect(try vector.string("file") == "file:///t/\(index).parquet")
                #expect(try vector.long("offset") == file.places[index].offset)
                #expect(try vector.long("size") == file.places[index].size)
                #expect(try vector.long("cardinality") == Int64(all[index].count))
                let positions = try vector.array("positions").compactMap(\.asInteger)
                #expect(positions == all[index], "seed \(seed), vector \(index)")
            }
        }
        let blobs = try PuffinFile.decode(file.bytes, at: "p")
        for (index, blob) in blobs.enumerated() {
            let place = file.places[index]
            #expect(Array(file.bytes[Int(place.offset)..<Int(place.offset + place.size)]) == blob.bytes)
        }
    }
}
