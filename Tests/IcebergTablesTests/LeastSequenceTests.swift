import Bytes
import IcebergFormat
import IcebergTables
import Testing
import WeirTesting

/// The smallest sequence number in the manifest lists of tables that earlier versions wrote wrongly.
@Suite struct LeastSequenceTests {
    private let id = TableIdentifier(namespace: ["db"], name: "t")

    private func leasts(_ table: Table) throws -> [Int64] {
        let list = try #require(table.currentSnapshot?.manifestList)
        return try ManifestList.decode(table.storage.read(list), at: list).map(\.minSequenceNumber)
    }

    @Test(arguments: ["append", "remove", "merge"])
    func `a list that overstates it is put right by the next snapshot, whatever that does`(next: String) throws {
        try withTemporaryFolder { folder in
            var table = try makeCatalog(folder).create(id, schema: testSchema)
            table = try table.setting("commit.manifest.min-count-to-merge", "2")
            for name in ["a", "b", "c"] { table = try table.appending(name) }
            #expect(try leasts(table) == [1] && table.overstatedManifests() == [])
            table = try table.withRaisedSequenceNumbers()
            #expect(try leasts(table) == [3])
            #expect(try table.overstatedManifests().count == 1)
            if next != "merge" { table = try table.setting("commit.manifest-merge.enabled", "false") }
            if next == "remove" {
                let file = try #require(table.plan().first { $0.file.path.hasSuffix("b") }?.file)
                var transaction = Transaction(table)
                transaction.overwrite(adding: [], removing: [file])
                table = try transaction.commit()
            } else {
                table = try table.appending("d")
            }
            #expect(try leasts(table).sorted() == (next == "append" ? [1, 4] : [1]), "\(next)")
            #expect(try table.overstatedManifests() == [])
            #expect(try leasts(table.appending("e")).min() == 1)
        }
    }

    @Test func `manifests of new files alone are not looked into`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            var table = try catalog.create(id, schema: testSchema).appending("a")
            let manifests = try table.storage.list(table.location + "/metadata/").filter {
                $0.path.hasSuffix(".avro") && !$0.path.contains("snap-")
            }
            #expect(manifests.count == 1)
            // It is gone, and no reader needs it.
            for manifest in manifests { try table.storage.delete(manifest.path) }
            table = try catalog.load(id).appending("b")
            #expect(try leasts(table).sorted() == [1, 2])
        }
    }
}
