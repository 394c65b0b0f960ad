import Bytes
import Columnar
import Testing
import WeirTesting

@testable import IcebergFormat

/// Row ids of format version 3, and the places of deletion vectors, in manifests and their lists.
@Suite struct RowIdTests {
    private static let spec = PartitionSpec(id: 0)
    private static let schema = TableSchema(
        id: 0,
        schema: Schema([Field(id: 1, name: "id", type: .long, isRequired: true)])
    )

    private static func manifest(
        _ entries: [ManifestEntry],
        _ content: ManifestFile.Content,
        path: String = "m"
    ) throws -> (bytes: [UInt8], file: ManifestFile) {
        var encoder = ManifestEncoder(
            spec: spec,
            schema: schema,
            partitionType: Schema([]),
            content: content,
            snapshotId: 7,
            formatVersion: 3
        )
        for entry in entries { try encoder.append(entry) }
        return try encoder.finish(path: path)
    }

    private static func entry(
        _ status: ManifestEntry.Status,
        _ path: String,
        rows: Int64,
        firstRowId: Int64? = nil
    ) -> ManifestEntry {
        ManifestEntry(
            status: status,
            snapshotId: 7,
            dataSequenceNumber: status == .added ? nil : 1,
            fileSequenceNumber: status == .added ? nil : 1,
            file: DataFile(path: path, recordCount: rows, fileSize: 1, firstRowId: firstRowId)
        )
    }

    /// The example of the specification, "Row lineage example".
    @Test func `manifests and files get the ids of the specification's example`() throws {
        let (bytes, added1) = try Self.manifest(
            [
                Self.entry(.existing, "data1", rows: 25, firstRowId: 800), Self.entry(.added, "data2", rows: 50),
                Self.entry(.added, "data3", rows: 50), Self.entry(.deleted, "data4", rows: 9),
            ],
            .data,
            path: "added1"
        )
        func other(_ path: String, added: Int64, existing: Int64, _ first: Int64?) -> ManifestFile {
            ManifestFile(
                path: path,
                length: 1,
                specId: 0,
                addedSnapshotId: 7,
                addedRows: added,
                existingRows: existing,
                firstRowId: first
            )
        }
        var deletes = other("deletes", added: 77, existing: 0, nil)
        deletes.content = .deletes
        var list = [
            other("existing", added: 75, existing: 0, 925), added1, deletes,
            other("added2", added: 0, existing: 100, nil),
            other("added3", added: 125, existing: 25, nil),
        ]
        #expect(try list.assignRowIds(from: 1000) == 1375)
        #expect(list.map(\.firstRowId) == [925, 1000, nil, 1125, 1225])
        let encoded = try ManifestList.encode(
            list,
            snapshotId: 7,
            parentId: nil,
            sequenceNumber: 3,
            firstRowId: 1000
        )
        let read = try ManifestList.decode(encoded, at: "list")
        #expect(read.map(\.firstRowId) == [925, 1000, nil, 1125, 1225])
        let entries = try Manifest.decode(bytes, read[1], partitionType: Schema([]))
        #expect(entries.map(\.file.firstRowId) == [800, 1000, 1050, nil])
        // A list of an earlier snapshot has no ids: its rows have none either.
        let before = try Manifest.decode(bytes, added1.assigned(3), partitionType: Schema([]))
        #expect(before.map(\.file.firstRowId) == [nil, nil, nil, nil])
    }

    @Test func `ids that would pass the largest number are an error`() throws {
        let (bytes, open) = try Self.manifest(
            [Self.entry(.added, "a", rows: 5), Self.entry(.added, "b", rows: .max - 2)],
            .data
        )
        for first in [Int64.max - 3, -1] {
            var manifest = open.assigned(1)
            manifest.firstRowId = first
            let error = #expect(throws: WeirError.self) {
                try Manifest.decode(bytes, manifest, partitionType: Schema([]))
            }
            #expect(error?.code == .corrupt && error?.location == "m")
        }
        var list = [open]
        #expect(throws: WeirError.self) { try list.assignRowIds(from: 10) }
    }

    @Test func `a deletion vector keeps its place and its data file`() throws {
        var file = DataFile(
            content: .positionDeletes,
            path: "v.puffin",
            format: .puffin,
            recordCount: 3,
            fileSize: 500,
            referencedDataFile: "data1"
        )
        (file.contentOffset, file.contentSize) = (4, 62)
        let entry = ManifestEntry(status: .added, snapshotId: 7, file: file)
        let (bytes, open) = try Self.manifest([entry], .deletes)
        let read = try Manifest.decode(bytes, open.assigned(4), partitionType: Schema([]))
        #expect(read.map(\.file) == [file])
        #expect(file.isDeletionVector && file.contentBytes == 62)
    }

    @Test func `metadata of version 3 is created, written and upgraded to`() throws {
        func create(_ version: String) throws -> TableMetadata {
            try TableMetadata.new(
                schema: Self.schema.schema,
                spec: Self.spec,
                location: "file:///t",
                properties: ["format-version": version],
                uuid: "u",
                nowMs: 1
            )
        }
        let made = try create("3")
        #expect(made.formatVersion == 3 && made.nextRowId == 0 && made.properties["format-version"] == nil)
        let read = try TableMetadata.parse(made.serialized(), at: "m")
        #expect(read.formatVersion == 3 && read.nextRowId == 0)
        let two = try create("2")
        #expect(two.nextRowId == nil)
        for version in ["1", "4", "x", ""] { #expect(throws: WeirError.self) { try create(version) } }
        let upgraded = try two.applying([.upgradeFormatVersion(3)], nowMs: 2)
        #expect(upgraded.formatVersion == 3 && upgraded.nextRowId == 0)
        #expect(throws: WeirError.self) { try upgraded.applying([.upgradeFormatVersion(2)], nowMs: 3) }
    }
}
