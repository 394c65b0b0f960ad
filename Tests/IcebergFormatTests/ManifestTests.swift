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
        // The commit's number is above all that were given before.
        let number: Int64 = 1 << 41
        let manifest = open.assigned(number)
        let read = try Manifest.decode(bytes, manifest, partitionType: spec.partitionType(Self.schema))
        let expected = written.map { entry in
            var entry = entry
            entry.dataSequenceNumber = entry.dataSequenceNumber ?? number
            entry.fileSequenceNumber = entry.fileSequenceNumber ?? number
            return entry
        }
        let isSame = read == expected
        #expect(isSame, "seed \(seed)")
        #expect(manifest.addedFiles == written.count { $0.status == .added })
        #expect(manifest.deletedRows == written.filter { $0.status == .deleted }.reduce(0) { $0 + $1.file.recordCount })
        #expect(
            manifest.minSequenceNumber == expected.filter(\.isLive).compactMap(\.dataSequenceNumber).min() ?? number
        )

        var other = manifest
        other.path += "2"
        let list = try ManifestList.encode([open, other], snapshotId: 77, parentId: nil, sequenceNumber: number)
        let isSameList = try ManifestList.decode(list, at: "list") == [manifest, other]
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

    /// Random bytes after a valid header reach the record decoder, past the compression checks.
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

    /// New files have the newest sequence number. They must not hide the oldest file's.
    @Test func `the smallest sequence number counts new files for themselves alone`() throws {
        let spec = PartitionSpec(id: 3)
        func smallest(_ entries: [(ManifestEntry.Status, Int64?)]) throws -> Int64 {
            let all = entries.map { status, sequence in
                let file = DataFile(path: "f", specId: 3, recordCount: 1, fileSize: 1)
                return ManifestEntry(status: status, snapshotId: 7, dataSequenceNumber: sequence, file: file)
            }
            return try Self.encode(all, spec, .data).file.assigned(9).minSequenceNumber
        }
        #expect(try smallest([(.existing, 2), (.added, nil)]) == 2)
        #expect(try smallest([(.added, nil), (.existing, 5), (.existing, 3), (.added, nil)]) == 3)
        #expect(try smallest([(.added, nil)]) == 9)
        // Files that are gone need no deletes.
        #expect(try smallest([(.deleted, 1), (.added, nil)]) == 9)
        #expect(try smallest([(.deleted, 1), (.existing, 4), (.added, nil)]) == 4)
    }

    @Test func `a manifest that is not what its list says is refused`() throws {
        let spec = PartitionSpec(id: 3)
        let file = DataFile(path: "f", specId: 3, recordCount: 1, fileSize: 1)
        let entry = ManifestEntry(status: .added, snapshotId: 7, file: file)
        let (bytes, open) = try Self.encode([entry], spec, .data)
        func error(_ change: (inout ManifestFile) -> Void) -> String {
            var listed = open.assigned(1)
            change(&listed)
            let failure = #expect(throws: WeirError.self) {
                try Manifest.decode(bytes, listed, partitionType: Schema([]))
            }
            return failure?.description ?? ""
        }
        #expect(error { $0.content = .deletes }.contains("the manifest list says 'deletes'"))
        #expect(error { $0.specId = 4 }.contains("spec 3, but the manifest list says 4"))
        let (deletes, _) = try Self.encode([entry], spec, .deletes)
        var listed = open.assigned(1)
        listed.content = .deletes
        #expect(throws: WeirError.self) { try Manifest.decode(deletes, listed, partitionType: Schema([])) }
        let list = try ManifestList.encode([open, open], snapshotId: 1, parentId: nil, sequenceNumber: 1)
        let twice = #expect(throws: WeirError.self) { try ManifestList.decode(list, at: "list") }
        #expect(twice?.description.contains("twice") == true)
        #expect(try Manifest.partitionSpecId(bytes, at: "m") == 3)
    }

    @Test func `only a list of version 1 has no sequence numbers`() throws {
        let fields = [("manifest_path", "string", 500), ("manifest_length", "long", 501)].map { name, type, id in
            #"{"name": "\#(name)", "type": "\#(type)", "field-id": \#(id)}"#
        }
        let schema = try JSONValue.parse(
            #"{"type": "record", "name": "manifest_file", "fields": [\#(fields.joined(separator: ","))]}"#
        )
        func list(version: String) throws -> [ManifestFile] {
            // The path "m" and the length 1.
            let record: [UInt8] = [2, UInt8(ascii: "m"), 2]
            let metadata: KeyValuePairs = ["format-version": version]
            return try ManifestList.decode(
                AvroFile.encode(schema: schema, metadata: metadata, blocks: [(1, record)]),
                at: "list"
            )
        }
        #expect(try list(version: "1").map(\.sequenceNumber) == [0])
        let error = #expect(throws: WeirError.self) { try list(version: "2") }
        #expect(error?.message.contains("no sequence numbers") == true)
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
