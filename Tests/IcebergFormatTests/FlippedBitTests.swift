import Bytes
import Columnar
import Foundation
import Testing
import WeirTesting

@testable import IcebergFormat

/// Single flipped bits in every kind of metadata file: an error, or the original content.
@Suite struct FlippedBitTests {
    private static let rounds = Soak.rounds(300)

    /// Flips bits and counts the files that are still accepted.
    private func sweep<Value: Equatable>(
        _ bytes: [UInt8],
        _ seed: UInt64,
        _ decode: ([UInt8]) throws(WeirError) -> Value
    ) throws -> Int {
        var random = SeededGenerator(seed: seed)
        let expected = try decode(bytes)
        var taken = 0
        for _ in 0..<Self.rounds {
            var damaged = bytes
            let index = Int.random(in: 0..<bytes.count, using: &random)
            damaged[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &random)
            guard let value = try? decode(damaged) else { continue }
            taken += 1
            #expect(value == expected, "seed \(seed), byte \(index) of \(bytes.count)")
        }
        return taken
    }

    @Test(arguments: SeededGenerator.seeds(2)) func `manifests and manifest lists`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let spec = ManifestTests.spec()
        let type = spec.partitionType(ManifestTests.schema)
        let (bytes, open) = try ManifestTests.encode(ManifestTests.entries(5, spec, &random), spec, .data)
        let manifest = open.assigned(9)
        let taken = try sweep(bytes, seed) { (bytes) throws(WeirError) in
            try Manifest.decode(bytes, manifest, partitionType: type)
        }
        var other = manifest
        other.path += "2"
        let list = try ManifestList.encode([open, other], snapshotId: 77, parentId: nil, sequenceNumber: 9)
        let takenLists = try sweep(list, seed) { (bytes) throws(WeirError) in
            try ManifestList.decode(bytes, at: "list")
        }
        // Only a flip in the name of the checksum is not detected.
        #expect(taken + takenLists < Self.rounds / 10, "\(taken) \(takenLists)")
    }

    @Test(arguments: SeededGenerator.seeds(2)) func `Puffin files`(seed: UInt64) throws {
        let blobs = ["optimized-sequence", "base-optimized-time"].map {
            PuffinFile.Blob(
                type: $0,
                snapshotId: 77,
                sequenceNumber: 9,
                properties: ["k": "v"],
                bytes: Array("{\"\":42,\"dt=2024-01-02\":43}".utf8)
            )
        }
        let (bytes, footerSize) = PuffinFile.encode(blobs, properties: ["created-by": "weir"])
        #expect(try PuffinFile.decode(bytes, at: "p") == blobs && footerSize < bytes.count)
        let taken = try sweep(bytes, seed) { (bytes) throws(WeirError) in try PuffinFile.decode(bytes, at: "p") }
        #expect(taken < Self.rounds / 10, "\(taken)")
    }

    @Test(arguments: SeededGenerator.seeds(2)) func `table metadata`(seed: UInt64) throws {
        let metadata = try TableMetadata.new(
            schema: ManifestTests.schema,
            spec: .unpartitioned,
            location: "file:///t",
            properties: ["weir.positions.t": "{\"t\":{\"0\":120}}", "weir-crc32c": "12345678"],
            uuid: "6f4a1c1e-0000-4000-8000-000000000000",
            nowMs: 1
        ).applying([.setProperties(["a": "b"])], nowMs: 1)
        let bytes = metadata.serialized()
        let again = try TableMetadata.parse(bytes, at: "m").serialized()
        #expect(again == bytes)
        let taken = try sweep(bytes, seed) { (bytes) throws(WeirError) in
            // The metadata that was read, without unknown members.
            let read = try TableMetadata.parse(bytes, at: "m")
            let properties = read.properties.sorted { $0.key < $1.key }
            return [
                "\(properties)", "\(read.schema)", "\(read.snapshots)", "\(read.location)", "\(read.lastUpdatedMs)",
            ]
        }
        #expect(taken < Self.rounds / 10, "\(taken)")
    }

    @Test func `files without a checksum are read`() throws {
        let metadata = try TableMetadata.new(
            schema: ManifestTests.schema,
            spec: .unpartitioned,
            location: "file:///t",
            properties: [:],
            uuid: "",
            nowMs: 1
        )
        let text = String(decoding: metadata.serialized(), as: UTF8.self)
        let member = try #require(text.range(of: ",\"weir-crc32c\":"))
        let bare = text[..<member.lowerBound] + "}"
        #expect(try TableMetadata.parse(Array(bare.utf8), at: "m").location == "file:///t")
        // Another writer that kept the member, in its own spelling of JSON.
        let spaced = text[..<member.lowerBound] + ", \"weir-crc32c\": \"00000000\"}"
        #expect(try TableMetadata.parse(Array(spaced.utf8), at: "m").location == "file:///t")
        let edited = text.replacingOccurrences(of: "file:///t", with: "file:///u")
        let error = #expect(throws: WeirError.self) { try TableMetadata.parse(Array(edited.utf8), at: "m") }
        #expect(error?.code == .corrupt && error?.message.contains("checksum") == true)
    }
}
