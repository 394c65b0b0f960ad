import Bytes
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// Messages about tables with damaged metadata, from a purge and from the doctor.
@Suite(.serialized, .mostlyWaits, .hangGuard) struct PurgeCommandTests {
    private static func files(_ folder: String) -> Set<String> {
        let names = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
        return Set(
            names.filter { name in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder)
                    && !isFolder.boolValue
            }
        )
    }

    /// A table of three commits.
    private static func prepare(_ folder: String) throws -> WeirBinary {
        let weir = try BinaryTests.prepare(folder)
        for round in 0..<3 {
            let records = (0..<10).map { BinaryTests.record(round * 10 + $0, "n", operation: "c") }
            try weir("log", "append", "people", input: records.joined())
            try #require(try weir("run", "people.yaml", "--until-caught-up", "--quiet").status == 0)
        }
        return weir
    }

    @Test func `a purge tells of a missing manifest, and leaves what only that leads to`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let store = folder + "/warehouse/shop/people_change_"
            let all = Self.files(store)
            let manifests = all.filter { $0.hasSuffix(".avro") && !$0.lastPathComponent.hasPrefix("snap-") }.sorted()
            try #require(manifests.count == 3)
            try FileManager.default.removeItem(atPath: store + "/" + manifests[0])

            let dry = try weir("table", "drop", "shop.people", "--purge", "--dry-run")
            #expect(dry.status == 0 && dry.output.contains("a manifest is missing"), "\(dry.output) \(dry.errors)")
            #expect(Self.files(store).count == all.count - 1)
            let dropped = try weir("table", "drop", "shop.people", "--purge", "--yes")
            #expect(dropped.status == 0, "\(dropped.errors)")
            #expect(dropped.errors.contains("1 manifest or manifest list had gone before"), "\(dropped.errors)")
            #expect(dropped.errors.contains(manifests[0].lastPathComponent), "\(dropped.errors)")
            let left = Self.files(store)
            #expect(!left.isEmpty && left.allSatisfy { $0.hasSuffix(".parquet") }, "\(left)")
            #expect(left.count < all.count { $0.hasSuffix(".parquet") }, "\(left)")
            #expect(dropped.errors.contains("which the table's metadata does not reach"), "\(dropped.errors)")
            #expect(try !weir("table", "ls", "-o", "csv").output.contains("people"))
        }
    }

    @Test func `the doctor tells of manifest lists that say too much, until the next commit`() throws {
        try withTemporaryFolder { folder in
            let weir = try Self.prepare(folder)
            let set = try weir("table", "alter", "shop.people", "--set", "commit.manifest.min-count-to-merge=2")
            #expect(set.status == 0, "\(set.errors)")
            let word = "older than its manifest list says"
            func commit(_ id: Int) throws {
                try weir("log", "append", "people", input: BinaryTests.record(id, "n", operation: "c"))
                #expect(try weir("run", "people.yaml", "--until-caught-up", "--quiet").status == 0)
            }
            try commit(100)
            let before = try weir("doctor")
            #expect(!(before.output + before.errors).contains(word), "\(before.output)")
            let catalog = try SQLiteCatalog(
                path: folder + "/warehouse/catalog.db",
                warehouse: folder + "/warehouse"
            )
            _ = try catalog.load(TableIdentifier("shop.people_change_")).withRaisedSequenceNumbers()
            let told = try weir("doctor")
            #expect((told.output + told.errors).contains(word), "\(told.output) \(told.errors)")
            try commit(101)
            let after = try weir("doctor")
            #expect(!(after.output + after.errors).contains(word), "\(after.output)")
            #expect(try BinaryTests.rows(weir).count == 32)
        }
    }
}
