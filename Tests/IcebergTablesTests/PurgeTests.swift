import Bytes
import Columnar
import Foundation
import IcebergFormat
import IcebergTables
import ObjectStorage
import Testing
import WeirTesting

/// A purge deletes files reachable from the table's metadata. Other files in or linked from its folder are kept.
@Suite struct PurgeTests {
    private let id = TableIdentifier(namespace: ["db"], name: "t")

    /// Appends a file that exists on disk.
    private func append(_ path: String, to table: Table) throws -> Table {
        try table.storage.putNew(path, [1, 2, 3])
        let file = DataFile(content: .data, path: path, partition: [], recordCount: 1, fileSize: 3)
        var transaction = Transaction(table)
        transaction.append([file])
        return try transaction.commit()
    }

    private func files(_ folder: String) throws -> [String] {
        try LocalObjectStorage().list(folder).map { String($0.path.dropFirst(folder.count + 1)) }.sorted()
    }

    @Test func `everything of a table goes, and its folders`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            var table = try catalog.create(id, schema: testSchema)
            table = try append(table.location + "/data/day=1/a.parquet", to: table)
            let first = try #require(try table.plan().first?.file)
            var rewrite = Transaction(table)
            let path = table.location + "/data/b.parquet"
            try table.storage.putNew(path, [1])
            rewrite.overwrite(
                adding: [DataFile(content: .data, path: path, partition: [], recordCount: 1, fileSize: 1)],
                removing: [first]
            )
            rewrite.setStatistics { (snapshot) throws(WeirError) in
                let path = folder + "/wh/db/t/data/puffin/\(snapshot.id).puffin"
                try catalog.storage.putNew(path, [0])
                return StatisticsFile(snapshotId: snapshot.id, path: path, fileSize: 1, footerSize: 1, blobs: [])
            }
            _ = try rewrite.commit()
            let outcome = try catalog.drop(id, purge: true)
            #expect(outcome.unreached == [] && outcome.kept == [])
            #expect(try files(folder + "/wh") == [])
            #expect(!FileManager.default.fileExists(atPath: folder + "/wh/db/t"))
            #expect(try !catalog.exists(id))
        }
    }

    @Test func `files that the metadata does not reach stay, behind links too, and are told`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            var table = try catalog.create(id, schema: testSchema)
            table = try append(table.location + "/data/a.parquet", to: table)
            let manager = FileManager.default
            try manager.createDirectory(atPath: folder + "/precious", withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/precious/file"))
            let location = folder + "/wh/db/t"
            try manager.createSymbolicLink(atPath: location + "/data/link", withDestinationPath: folder + "/precious")
            try manager.createSymbolicLink(atPath: location + "/empty", withDestinationPath: folder + "/nowhere")
            try Data("x".utf8).write(to: URL(fileURLWithPath: location + "/data/notes.txt"))
            try manager.createDirectory(atPath: location + "/mine", withIntermediateDirectories: true)

            let outcome = try catalog.drop(id, purge: true)
            let told = outcome.unreached.map { $0.dropFirst("file://".count + location.count + 1) }.sorted()
            #expect(told == ["data/link", "data/notes.txt", "empty"])
            #expect(try files(folder + "/precious") == ["file"])
            #expect(manager.fileExists(atPath: location + "/mine"), "a folder that held none of its files")
            #expect(!manager.fileExists(atPath: location + "/metadata"))
        }
    }

    @Test func `data behind a linked folder goes, the folder and its other files stay`() throws {
        try withTemporaryFolder { folder in
            let manager = FileManager.default
            try manager.createDirectory(atPath: folder + "/disk/sub", withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/disk/other"))
            let catalog = try makeCatalog(folder)
            var table = try catalog.create(id, schema: testSchema)
            try manager.createSymbolicLink(
                atPath: folder + "/wh/db/t/data",
                withDestinationPath: folder + "/disk"
            )
            table = try append(table.location + "/data/sub/a.parquet", to: table)
            _ = try catalog.drop(id, purge: true)
            #expect(try files(folder + "/disk") == ["other"])
            #expect(manager.fileExists(atPath: folder + "/disk/sub"))
        }
    }

    @Test func `tables below the location of another one survive its purge`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            let sibling = TableIdentifier(namespace: ["db"], name: "sibling")
            var other = try catalog.create(sibling, schema: testSchema)
            other = try append(other.location + "/data/s.parquet", to: other)
            // Its location is the folder that all tables of the namespace are in.
            let table = try catalog.create(id, schema: testSchema, location: catalog.warehouse + "/db")
            _ = try append(table.location + "/data/a.parquet", to: table)
            let outcome = try catalog.drop(id, purge: true)
            let files = try other.storage.list(other.location + "/").map(\.path)
            #expect(files.count == 5 && outcome.unreached == files.sorted())
            #expect(try other.refreshed().storage.read(other.location + "/data/s.parquet") == [1, 2, 3])
            #expect(try FreshPlan.liveNames(of: other.refreshed()) == ["s.parquet"])
        }
    }

    @Test func `a table whose files cannot be told is not dropped, and data that gc keeps is kept`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            var table = try catalog.create(id, schema: testSchema)
            let path = table.location + "/data/a.parquet"
            table = try append(path, to: table)
            let list = LocalObjectStorage.localPath(try #require(table.currentSnapshot?.manifestList))
            let bytes = try Data(contentsOf: URL(fileURLWithPath: list))
            let elsewhere = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: folder + "/wh")
            try Data("no manifest list".utf8).write(to: URL(fileURLWithPath: list + "x"))
            // A list with another name, so that no cached one is used.
            let text = try String(
                contentsOfFile: LocalObjectStorage.localPath(table.metadataLocation),
                encoding: .utf8
            )
            let name = list.lastPathComponent
            // In the form of another engine, without a checksum.
            let other = text.replacing(#/,"weir-crc32c":"[^"]*"/#, with: "")
            try other.replacingOccurrences(of: name, with: name + "x").write(
                toFile: LocalObjectStorage.localPath(table.metadataLocation),
                atomically: true,
                encoding: .utf8
            )
            let error = #expect(throws: WeirError.self) { try elsewhere.drop(id, purge: true) }
            #expect(error?.message.contains("nothing was dropped") == true)
            #expect(try elsewhere.exists(id))
            try bytes.write(to: URL(fileURLWithPath: list + "x"))
            _ = try elsewhere.load(id).setting("gc.enabled", "false")
            let outcome = try elsewhere.drop(id, purge: true)
            #expect(outcome.kept == [path])
            #expect(try table.storage.exists(path))
        }
    }
}
