import Bytes
import Columnar
import Foundation
import Testing
import WeirTesting

@testable import IcebergFormat

/// Metadata written by Iceberg's Java library (through Spark) and PyIceberg.
@Suite struct FixtureTests {
    static let names = [
        "spark-v1", "spark-v2", "spark-v3", "pyiceberg-deleted", "pyiceberg-evolved", "pyiceberg-by_hour",
        "pyiceberg-by_bucket_uuid", "pyiceberg-types",
    ]

    static func bytes(_ table: String, _ file: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/\(table)", withExtension: nil))
        return try Array(Data(contentsOf: url.appendingPathComponent(URL(fileURLWithPath: file).lastPathComponent)))
    }

    static func metadata(_ table: String) throws -> TableMetadata {
        try TableMetadata.parse(bytes(table, "table.metadata.json"), at: table)
    }

    @Test(arguments: names)
    func `every manifest of every snapshot can be read, and its counts are right`(table: String) throws {
        let metadata = try Self.metadata(table)
        #expect(!metadata.snapshots.isEmpty)
        for snapshot in metadata.snapshots {
            let list = try #require(snapshot.manifestList)
            for manifest in try ManifestList.decode(Self.bytes(table, list), at: list) {
                let spec = try #require(metadata.spec(id: manifest.specId))
                let bytes = try Self.bytes(table, manifest.path)
                #expect(manifest.length == bytes.count)
                let entries = try Manifest.decode(bytes, manifest, partitionType: metadata.partitionType(spec))
                #expect(entries.count { $0.status == .added } == manifest.addedFiles)
                #expect(entries.count { $0.status == .existing } == manifest.existingFiles)
                #expect(entries.count { $0.status == .deleted } == manifest.deletedFiles)
                let rows = entries.filter { $0.status == .added }.reduce(0) { $0 + $1.file.recordCount }
                #expect(rows == manifest.addedRows)
                let sequences = entries.filter(\.isLive).compactMap(\.dataSequenceNumber)
                if let least = sequences.min() { #expect(least == manifest.minSequenceNumber) }
                for entry in entries {
                    // The folder of the foreign writer equals the one that Weir would choose. PyIceberg omits the time
                    // zone there.
                    let path = spec.path(for: entry.file.partition)
                    if table.hasPrefix("spark"), entry.file.content == .data {
                        #expect(entry.file.path.contains("/data/" + path + (path.isEmpty ? "" : "/")))
                    }
                    for (id, bound) in entry.file.lowerBounds {
                        guard let field = metadata.schema.nestedField(id: id) else { continue }
                        let lower = try SingleValue.decode(bound, field.type)
                        let upper = try SingleValue.decode(entry.file.upperBounds[id] ?? bound, field.type)
                        #expect(upper.precedes(lower) != true)
                    }
                }
            }
        }
    }

    @Test(arguments: names)
    func `metadata survives being written again`(table: String) throws {
        let metadata = try Self.metadata(table)
        let again = try TableMetadata.parse(metadata.serialized(), at: "again")
        let isSame = again == metadata
        #expect(isSame)
        // All members of the other writer must be kept, whether or not they are known here.
        let before = try #require(try JSONValue.parse(Self.bytes(table, "table.metadata.json")).asObject)
        let after = try #require(try JSONValue.parse(metadata.serialized()).asObject)
        for entry in before.entries {
            switch entry.key {
            case "partition-specs", "partition-spec", "properties": continue
            default: #expect(after[entry.key]?.sorted == entry.value.sorted, "\(entry.key)")
            }
        }
    }

    @Test func `compressed metadata is read`() throws {
        let plain = try Self.bytes("spark-v2", "table.metadata.json")
        var output = GrowableBuffer()
        try plain.withUnsafeBytes { try Gzip.compress($0, into: &output) }
        let compressed = output.finishBytes()
        let isSame = try TableMetadata.parse(compressed, at: "gz") == Self.metadata("spark-v2")
        #expect(isSame)
        for cut in stride(from: 3, to: compressed.count, by: 97) {
            #expect(throws: WeirError.self) { try TableMetadata.parse(Array(compressed.prefix(cut)), at: "gz") }
        }
    }

    @Test func `a renamed, widened and moved column keeps its id`() throws {
        let metadata = try Self.metadata("pyiceberg-evolved")
        #expect(metadata.schema.fields[0].name == "added")
        #expect(metadata.schema.field(named: "big")?.id == 4)
        #expect(metadata.schema.field(named: "small")?.type == .long)
        #expect(metadata.schemas.count > 1)
    }

    @Test(arguments: SeededGenerator.seeds(6))
    func `damaged metadata is an error and never a trap`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let original = try Self.bytes("spark-v2", "table.metadata.json")
        for _ in 0..<40 {
            var damaged = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 32...126, using: &random)
            }
            do throws(WeirError) {
                let metadata = try TableMetadata.parse(damaged, at: "t.metadata.json")
                _ = metadata.schema
                for spec in metadata.specs { _ = metadata.partitionType(spec) }
                _ = metadata.serialized()
            } catch {
                #expect(error.location?.hasPrefix("t.metadata.json") == true, "seed \(seed)")
            }
        }
    }

    /// Whole manifests of other writers, damaged byte by byte.
    @Test func `damaged foreign manifests are errors`() throws {
        let metadata = try Self.metadata("spark-v2")
        let list = try #require(metadata.currentSnapshot?.manifestList)
        var random = SeededGenerator(seed: SeededGenerator.seeds(1)[0])
        for manifest in try ManifestList.decode(Self.bytes("spark-v2", list), at: list) {
            let bytes = try Self.bytes("spark-v2", manifest.path)
            let spec = try #require(metadata.spec(id: manifest.specId))
            for offset in stride(from: 0, to: bytes.count, by: Soak.stride(23)) {
                var damaged = bytes
                damaged[offset] ^= UInt8.random(in: 1...255, using: &random)
                _ = try? Manifest.decode(damaged, manifest, partitionType: metadata.partitionType(spec))
            }
        }
    }
}

extension JSONValue {
    /// Members sorted by name, to compare documents of different writers.
    var sorted: JSONValue {
        switch self {
        case .object(let object):
            var result = JSONObject()
            for entry in object.entries.sorted(by: { $0.key < $1.key }) { result[entry.key] = entry.value.sorted }
            return .object(result)
        case .array(let values): return .array(values.map(\.sorted))
        default: return self
        }
    }
}
