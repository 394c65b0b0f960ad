import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

/// Manifests in other writers' codecs; fastavro wrote them from one of PyIceberg's manifests.
@Suite struct AvroCodecTests {
    private static func entries(_ bytes: [UInt8]) throws -> [ManifestEntry] {
        let metadata = try FixtureTests.metadata("pyiceberg-by_hour")
        let spec = try #require(metadata.spec(id: 0))
        let manifest = ManifestFile(path: "m.avro", length: 1, specId: 0, sequenceNumber: 1, addedSnapshotId: 1)
        return try Manifest.decode(bytes, manifest, partitionType: metadata.partitionType(spec))
    }

    @Test(arguments: ["snappy", "zstandard", "lz4"])
    func `the same manifest in another codec has the same entries`(codec: String) throws {
        let plain = "e7ae85ef-d0e6-4b3c-ba4f-2c773e557cff-m0.avro"
        let expected = try Self.entries(FixtureTests.bytes("pyiceberg-by_hour", plain))
        let bytes = try FixtureTests.bytes("fastavro-codecs", codec + ".avro")
        let isSame = try Self.entries(bytes) == expected
        #expect(isSame && expected.count == 20)
        // The damage must be found even if the codec has no checksum of its own.
        for offset in stride(from: bytes.count - 17, to: bytes.count - 200, by: -9) {
            var damaged = bytes
            damaged[offset] ^= 0x10
            do throws(WeirError) {
                let entries = try Manifest.decode(
                    damaged,
                    ManifestFile(path: "m.avro", length: 1, specId: 0, addedSnapshotId: 1),
                    partitionType: Schema([])
                )
                #expect(codec != "snappy", "a flip at \(offset) of \(entries.count) entries")
            } catch {
                #expect(error.location?.contains("m.avro") == true)
            }
        }
    }

    @Test func `a codec that is not read is refused with advice`() throws {
        let bytes = try FixtureTests.bytes("fastavro-codecs", "bzip2.avro")
        let error = #expect(throws: WeirError.self) { try Self.entries(bytes) }
        #expect(error?.code == .unsupported && error?.message.contains("bzip2") == true)
        #expect(error?.advice?.contains("rewrite_manifests") == true)
    }

    @Test(arguments: CompressedBlock.Codec.allCases, SeededGenerator.seeds(4))
    func `blocks come back, and damaged ones are errors`(codec: CompressedBlock.Codec, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for size in [0, 1, 100, 70_000] {
            let bytes = (0..<size).map { _ in UInt8.random(in: 0...3, using: &random) }
            let block = try CompressedBlock.compress(bytes, codec)
            let isSame = try CompressedBlock.decompress(block, codec, size: size) == bytes
            #expect(isSame, "\(size) bytes, seed \(seed)")
            #expect(throws: WeirError.self) { try CompressedBlock.decompress(block, codec, size: size + 1) }
            var damaged = block
            damaged[Int.random(in: 0..<block.count, using: &random)] ^= 0x40
            _ = try? CompressedBlock.decompress(damaged, codec, size: size)
        }
        #expect(throws: WeirError.self) { try AvroCodec.snappy.decompress([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0]) }
        #expect(throws: WeirError.self) { try AvroCodec.lz4.decompress([0xff, 0xff, 0xff, 0x7f, 0, 0]) }
        #expect(throws: WeirError.self) { try AvroCodec.snappy.decompress([1, 2]) }
    }
}
