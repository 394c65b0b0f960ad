import Bytes
import Columnar
import Foundation
import IcebergFormat
import ObjectStorage
import Testing
import WeirTesting

@testable import IcebergTables

/// Tables whose older partitions have a transform of a later format version.
@Suite struct LaterTransformTests {
    private let id = TableIdentifier(namespace: ["db"], name: "t")

    /// A table with the files a, b and c in partitions of an unknown transform, and a spec without fields since.
    private func makeTable(_ folder: String) throws -> Table {
        let spec = PartitionSpec(fields: [
            PartitionField(sourceId: 3, id: 1000, name: "name_later", transform: .identity)
        ])
        var table = try makeCatalog(folder).create(id, schema: testSchema, spec: spec)
            .setting("commit.manifest-merge.enabled", "false")
        for name in ["a", "b", "c"] {
            var transaction = Transaction(table)
            transaction.append([dataFile(name, partition: [.string(name)])])
            table = try transaction.commit()
        }
        let path = LocalObjectStorage.localPath(table.metadataLocation)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        var metadata = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        metadata["weir-crc32c"] = nil
        metadata["partition-specs"] = [
            [
                "spec-id": 0,
                "fields": [["source-id": 3, "field-id": 1000, "name": "name_later", "transform": "zorder[8]"]],
            ],
            ["spec-id": 1, "fields": []],
        ]
        metadata["default-spec-id"] = 1
        try JSONSerialization.data(withJSONObject: metadata).write(to: URL(fileURLWithPath: path))
        table = try table.catalog.load(id)
        #expect(table.metadata.specs[0].fields.map(\.transform) == [.other("zorder[8]")] && table.spec.fields.isEmpty)
        return table
    }

    private func manifests(_ table: Table) throws -> [ManifestFile] {
        let list = try #require(table.currentSnapshot?.manifestList)
        return try ManifestList.decode(table.storage.read(list), at: list)
    }

    private func file(_ name: String) -> DataFile {
        var file = dataFile(name)
        file.specId = 1
        return file
    }

    @Test func `their manifests stay as they are when others are merged`() throws {
        try withTemporaryFolder { folder in
            var table = try makeTable(folder)
            let old = try Set(manifests(table).map(\.path))
            #expect(old.count == 3)
            table = try table.setting("commit.manifest-merge.enabled", "true")
            table = try table.setting("commit.manifest.min-count-to-merge", "2")
            for name in ["d", "e", "f"] {
                var transaction = Transaction(table)
                transaction.append([file(name)])
                table = try transaction.commit()
            }
            let now = try manifests(table)
            #expect(Set(now.filter { $0.specId == 0 }.map(\.path)) == old)
            #expect(now.filter { $0.specId == 1 }.count == 1, "those of the known spec are merged")
            #expect(try table.liveNames() == ["a", "b", "c", "d", "e", "f"])
        }
    }

    @Test func `files of other partitions are replaced beside them, their own are refused in words`() throws {
        try withTemporaryFolder { folder in
            var table = try makeTable(folder)
            var transaction = Transaction(table)
            transaction.append([file("d")])
            table = try transaction.commit()
            transaction = Transaction(table)
            transaction.overwrite(adding: [file("e")], removing: [file("d")])
            table = try transaction.commit()
            #expect(try table.liveNames() == ["a", "b", "c", "e"])
            transaction = Transaction(table)
            transaction.overwrite(adding: [], removing: [dataFile("a", partition: [.string("a")])])
            let error = #expect(throws: WeirError.self) { try transaction.commit() }
            #expect(
                error?.code == .unsupported && error?.message.contains("zorder[8]") == true,
                "\(String(describing: error))"
            )
            #expect(try table.refreshed().liveNames() == ["a", "b", "c", "e"])
        }
    }

    @Test func `bounds of a type that is not known rule out nothing`() throws {
        let summary = ManifestFile.FieldSummary(containsNull: false, containsNaN: nil, lowerBound: [1], upperBound: [2])
        #expect(try summary.mayContain(.string("x"), .other("zorder[8]")))
        #expect(try !summary.mayContain(.null, .other("zorder[8]")))
    }
}
