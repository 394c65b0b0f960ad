import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

@Suite struct ManifestTests {
    static let schema = Schema([
        Field(id: 1, name: "id", type: .long, isRequired: true), Field(id: 2, name: "at", type: .timestamptz),
        Field(id: 3, name: "name", type: .string), Field(id: 4, name: "price", type: .decimal(precision: 21, scale: 4)),
        Field(id: 5, name: "key", type: .uuid), Field(id: 6, name: "raw", type: .binary),
        Field(id: 7, name: "code", type: .fixed(3)), Field(id: 8, name: "flag", type: .boolean),
        Field(id: 9, name: "ratio", type: .double), Field(id: 10, name: "part", type: .float),
        Field(id: 11, name: "clock", type: .time), Field(id: 12, name: "d", type: .date),
    ])

    static func spec() -> PartitionSpec {
        let transforms: [(Int, Transform)] = [
            (1, .bucket(8)), (2, .day), (2, .hour), (3, .truncate(2)), (4, .identity), (5, .identity), (6, .identity),
            (7, .identity), (8, .identity), (9, .identity), (10, .identity), (11, .identity), (12, .identity),
            (1, .identity),
        ]
        return PartitionSpec(
            id: 3,
            fields: transforms.enumerated().map { index, item in
                PartitionField(sourceId: item.0, id: 1000 + index, name: "p-\(index) ü", transform: item.1)
            }
        )
    }

    static func encode(
        _ entries: [ManifestEntry],
        _ spec: PartitionSpec,
        _ content: ManifestFile.Content
    ) throws -> (bytes: [UInt8], file: ManifestFile) {
        var encoder = ManifestEncoder(
            spec: spec,
            schema: TableSchema(id: 0, schema: schema),
            partitionType: spec.partitionType(schema),
            content: content,
            snapshotId: 77
        )
        for entry in entries { try encoder.append(entry) }
        return try encoder.finish(path: "file:///t/m.avro")
    }

    static func entries(_ count: Int, _ spec: PartitionSpec, _ random: inout SeededGenerator) -> [ManifestEntry] {
        (0..<count).map { _ in
            let status = [ManifestEntry.Status.added, .existing, .deleted].randomElement(using: &random) ?? .added
            let isNew = status == .added && Bool.random(using: &random)
            return ManifestEntry(
                status: status,
                snapshotId: Int64(random.next() >> 1),
                dataSequenceNumber: isNew ? nil : Int64.random(in: 0...1 << 40, using: &random),
                fileSequenceNumber: isNew ? nil : Int64.random(in: 0...1 << 40, using: &random),
                file: .random(spec.partitionType(schema), specId: spec.id, content: .data, &random)
            )
        }
    }

    @Test(arguments: SeededGenerator.seeds(12))
    func `what is written is read again`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let spec = seed % 3 == 0 ? PartitionSpec(id: 3) : Self.spec()
        let written = Self.entries(Int.random(in: 0...120, using: &random), spec, &random)
        let (bytes, open) = try Self.encode(written, spec, .data)
        let manifest = open.assigned(9)
        let read = try Manifest.decode(bytes, manifest, partitionType: spec.partitionType(Self.schema))
        let expected = written.map { entry in
            var entry = entry
            entry.dataSequenceNumber = entry.dataSequenceNumber ?? 9
            entry.fileSequenceNumber = entry.fileSequenceNumber ?? 9
            return entry
        }
        let isSame = read == expected
        #expect(isSame, "seed \(seed)")
        #expect(manifest.addedFiles == written.count { $0.status == .added })
        #expect(manifest.deletedRows == written.filter { $0.status == .deleted }.reduce(0) { $0 + $1.file.recordCount })
        #expect(manifest.minSequenceNumber == expected.filter(\.isLive).compactMap(\.dataSequenceNumber).min() ?? 9)

        let list = try ManifestList.encode([open, manifest], snapshotId: 77, parentId: nil, sequenceNumber: 9)
        let isSameList = try ManifestList.decode(list, at: "list") == [manifest, manifest]
        #expect(isSameList)
    }

    @Test(arguments: SeededGenerator.seeds(8))
    func `damage is an error and never a trap`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let spec = Self.spec()
        let (bytes, open) = try Self.encode(Self.entries(20, spec, &random), spec, .data)
        let list = try ManifestList.encode([open], snapshotId: 1, parentId: 2, sequenceNumber: 3)
        for _ in 0..<25 {
            for original in [bytes, list] {
                var damaged = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    damaged[Int.random(in: 0..<damaged.count, using: &random)] ^=
                        UInt8(1) << UInt8.random(in: 0..<8, using: &random)
                }
                if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random)) }
                // Some flips leave a valid file; all others must end in an error that names the file.
                do throws(WeirError) {
                    _ = try Manifest.decode(damaged, open.assigned(1), partitionType: spec.partitionType(Self.schema))
                } catch {
                    #expect(error.location?.contains("m.avro") == true, "\(error) seed \(seed)")
                }
                do throws(WeirError) {
                    _ = try ManifestList.decode(damaged, at: "list.avro")
                } catch {
                    #expect(error.location?.contains("list.avro") == true, "\(error) seed \(seed)")
                }
            }
        }
    }

    /// Random bytes behind a valid header reach the record decoder itself, past the checks of compression.
    @Test(arguments: SeededGenerator.seeds(20))
    func `records of noise are errors`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let type = Self.spec().partitionType(Self.schema)
        for _ in 0..<50 {
            let noise = (0..<Int.random(in: 1...400, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...4, using: &random) : UInt8.random(in: 0...255, using: &random)
            }
            let bytes = try AvroFile.encode(schema: try ManifestSchema.entry(type), metadata: [:], blocks: [(3, noise)])
            let manifest = ManifestFile(path: "noise", length: 1, specId: 3, addedSnapshotId: 1)
            #expect(throws: WeirError.self, "seed \(seed)") {
                try Manifest.decode(bytes, manifest, partitionType: type)
            }
        }
    }

    @Test func `sequence numbers are inherited as the specification says`() throws {
        let spec = PartitionSpec()
        func inherited(_ entry: ManifestEntry, sequence: Int64) throws -> ManifestEntry {
            var entry = entry
            try entry.inherit(
                from: ManifestFile(path: "m", length: 1, specId: 0, sequenceNumber: sequence, addedSnapshotId: 5)
            )
            return entry
        }
        let file = DataFile(path: "f", specId: spec.id, recordCount: 1, fileSize: 1)
        let added = try inherited(ManifestEntry(status: .added, snapshotId: nil, file: file), sequence: 4)
        #expect(added.snapshotId == 5 && added.dataSequenceNumber == 4 && added.fileSequenceNumber == 4)
        // Version 1 manifests have no numbers at all.
        let old = try inherited(ManifestEntry(status: .existing, snapshotId: 3, file: file), sequence: 0)
        #expect(old.snapshotId == 3 && old.dataSequenceNumber == 0 && old.fileSequenceNumber == 0)
        let explicit = ManifestEntry(status: .existing, snapshotId: 3, dataSequenceNumber: 2, file: file)
        #expect(try inherited(explicit, sequence: 4).fileSequenceNumber == nil)
        #expect(throws: WeirError.self) {
            try inherited(ManifestEntry(status: .existing, snapshotId: 3, file: file), sequence: 4)
        }
    }
}
