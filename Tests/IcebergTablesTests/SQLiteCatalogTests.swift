import Bytes
import Columnar
import Foundation
import GRDB
import IcebergFormat
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import IcebergTables

@Suite struct SQLiteCatalogTests {
    let id = TableIdentifier(namespace: ["db"], name: "orders")

    // A statement that fails, and a commit that is refused.
    @Test(
        arguments: [
            "CREATE TRIGGER no BEFORE UPDATE ON iceberg_tables BEGIN SELECT RAISE(ABORT, 'refused'); END",
            """
            CREATE TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER no AFTER UPDATE ON iceberg_tables BEGIN INSERT INTO child VALUES (7); END
            """,
        ]
    )
    func `a change that SQLite rolls back is known not to have happened`(_ obstacle: String) throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            let table = try catalog.create(id, schema: testSchema).appending("a")
            let files = try LocalObjectStorage().list(folder + "/wh").count
            let other = try DatabaseQueue(path: folder + "/catalog.db")
            try other.write { try $0.execute(sql: obstacle) }
            let error = #expect(throws: WeirError.self) { try table.appending("b") }
            #expect(error?.code == .storage && error?.hasChangedNothing == true, "\(error as Any)")
            // None of its changes remain.
            #expect(try LocalObjectStorage().list(folder + "/wh").count == files)
            try other.write { try $0.execute(sql: "DROP TRIGGER no") }
            #expect(try FreshPlan.liveNames(of: table.refreshed().appending("c")) == ["a", "c"])
        }
    }

    @Test func `opening and reading do not wait for a writer`() throws {
        try withTemporaryFolder { folder in
            let created = try makeCatalog(folder).create(id, schema: testSchema)
            let path = folder + "/catalog.db"
            try #require(FileManager.default.fileExists(atPath: path))
            let other = try DatabaseQueue(path: path)
            try other.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    let start = Date()
                    let catalog = try SQLiteCatalog(path: path, name: "test", warehouse: folder + "/wh")
                    _ = try catalog.namespaces()
                    #expect(Date().timeIntervalSince(start) < 20)
                    return .commit
                }
            }
            #expect(created.identifier == id)
        }
    }

    /// The default schema of Java's JdbcCatalog, without `iceberg_type`.
    @Test func `databases of the older schema work`() throws {
        try withTemporaryFolder { folder in
            let queue = try DatabaseQueue(path: folder + "/catalog.db")
            try queue.write { db in
                try db.execute(
                    sql: """
                        CREATE TABLE iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255)
                        NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),
                        previous_metadata_location VARCHAR(1000),
                        PRIMARY KEY (catalog_name, table_namespace, table_name))
                        """
                )
            }
            try queue.close()
            let table = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
            #expect(try table.catalog.tables(in: ["db"]) == [id])
            #expect(try makeCatalog(folder).load(id).liveNames() == ["a"])
        }
    }

    @Test func `views are not tables`() throws {
        try withTemporaryFolder { folder in
            let catalog = try makeCatalog(folder)
            try DatabaseQueue(path: folder + "/catalog.db").write { db in
                try db.execute(sql: "INSERT INTO iceberg_tables VALUES ('weir', 'db', 'orders', 'x', NULL, 'VIEW')")
                try db.execute(sql: "INSERT INTO iceberg_tables VALUES ('other', 'db', 't', 'x', NULL, 'TABLE')")
            }
            #expect(try catalog.tables(in: ["db"]).isEmpty)
            let view = #expect(throws: WeirError.self) { try catalog.load(id) }
            #expect(view?.message.contains("is a view") == true)
            let other = TableIdentifier(namespace: ["db"], name: "t")
            let elsewhere = #expect(throws: WeirError.self) { try catalog.load(other) }
            #expect(elsewhere?.advice == "it is registered under the catalog name 'other'; use --catalog-name other")
            #expect(try catalog.otherCatalogs().map { "\($0.name) \($0.tables)" } == ["other 1"])
            let taken = #expect(throws: WeirError.self) { try catalog.create(id, schema: testSchema) }
            #expect(taken?.code == .alreadyExists)
        }
    }

    @Test func `a file that is no database is named`() throws {
        try withTemporaryFolder { folder in
            try LocalObjectStorage().putNew(
                folder + "/catalog.db",
                Array(String(repeating: "no database ", count: 100).utf8)
            )
            let error = #expect(throws: WeirError.self) { try makeCatalog(folder) }
            #expect(error?.code == .corrupt)
            #expect(error?.location == folder + "/catalog.db")
        }
    }

    @Test func `a read-only folder can be read, and writing says why not`() throws {
        try withTemporaryFolder { folder in
            _ = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
            // The file itself is writable, but no file can be created in the folder.
            chmod(folder + "/catalog.db", 0o666)
            chmod(folder, 0o555)
            defer { chmod(folder, 0o755) }
            try withoutRootRights {
                let catalog = try SQLiteCatalog(path: folder + "/catalog.db", warehouse: folder + "/wh")
                #expect(try catalog.load(id).liveNames() == ["a"])
                let error = #expect(throws: WeirError.self) { try catalog.createNamespace(["x"]) }
                #expect(error?.advice?.contains("writable") == true)
            }
        }
    }

    @Test func `a copy of a read-only catalog shows nothing of a writer that died`() throws {
        try withTemporaryFolder { folder in
            _ = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
            let (path, dead) = (folder + "/catalog.db", folder + "/dead")
            try FileManager.default.createDirectory(atPath: dead, withIntermediateDirectories: false)
            try DatabaseQueue(path: path).writeWithoutTransaction { db in
                #expect(try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE") == "delete")
                // With a small cache, changed pages are written to the file before the commit.
                try db.execute(sql: "PRAGMA cache_size = 2; BEGIN IMMEDIATE; DELETE FROM iceberg_tables")
                for number in 0..<50 {
                    try db.execute(
                        sql:
                            "INSERT INTO iceberg_tables VALUES ('weir', 'db', ?, hex(randomblob(5000)), NULL, 'TABLE')",
                        arguments: ["never\(number)"]
                    )
                }
                // The files as a writer leaves them that dies now.
                for suffix in ["", "-journal"] {
                    try FileManager.default.copyItem(atPath: path + suffix, toPath: dead + "/catalog.db" + suffix)
                    chmod(dead + "/catalog.db" + suffix, 0o644)
                }
                try db.execute(sql: "ROLLBACK")
            }
            chmod(dead, 0o555)
            defer { chmod(dead, 0o755) }
            try withoutRootRights {
                let catalog = try SQLiteCatalog(path: dead + "/catalog.db", warehouse: folder + "/wh")
                #expect(try catalog.tables(in: ["db"]) == [id])
                #expect(try catalog.load(id).liveNames() == ["a"])
            }
        }
    }

    private func journalMode(_ path: String) throws -> String? {
        try DatabaseQueue(path: path).read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
    }

    @Test func `commits go on beside a reader that keeps its transaction open`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            var table = try makeCatalog(folder).create(id, schema: testSchema)
            #expect(try journalMode(path) == "wal")
            let other = try DatabaseQueue(path: path)
            try other.read { db in
                let before = try String.fetchOne(db, sql: "SELECT metadata_location FROM iceberg_tables")
                for number in 0..<5 { table = try table.appending("f\(number)") }
                // A second reader and another catalog do not block each other.
                #expect(try makeCatalog(folder).load(id).liveNames().count == 5)
                #expect(try String.fetchOne(db, sql: "SELECT metadata_location FROM iceberg_tables") == before)
            }
            table = try table.appending("last")
            // Without another reader, the database file alone is complete, so a copy of it is too.
            try FileManager.default.copyItem(atPath: path, toPath: folder + "/copy.db")
            let location = try DatabaseQueue(path: folder + "/copy.db").read {
                try String.fetchOne($0, sql: "SELECT metadata_location FROM iceberg_tables")
            }
            #expect(location == table.metadataLocation)
        }
    }

    @Test func `a catalog in the older mode is switched once nobody is in the way`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            _ = try makeCatalog(folder).create(id, schema: testSchema)
            let other = try DatabaseQueue(path: path)
            _ = try other.writeWithoutTransaction { try String.fetchOne($0, sql: "PRAGMA journal_mode = DELETE") }
            try other.read { db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM iceberg_tables")
                #expect(try makeCatalog(folder).load(id).snapshots.isEmpty)
                #expect(try journalMode(path) == "delete")
            }
            #expect(try makeCatalog(folder).load(id).snapshots.isEmpty)
            #expect(try journalMode(path) == "wal")
        }
    }

    @Test func `a database on a file system of several machines has no write-ahead log`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            func open(on type: String?) throws -> SQLiteCatalog {
                try SQLiteCatalog(path: path, warehouse: folder + "/wh", fileSystemType: { _ in type })
            }
            // Each catalog is closed after its call, so none blocks the next one.
            func create(on type: String?) throws {
                let catalog = try open(on: type)
                try catalog.createNamespace(id.namespace)
                _ = try catalog.create(id, schema: testSchema)
            }
            func append(_ name: String, on type: String?) throws -> Set<String> {
                try open(on: type).load(id).appending(name).liveNames()
            }
            try create(on: "nfs4")
            #expect(try journalMode(path) == "delete")
            for (number, type) in ["nfs4", "virtiofs", nil].enumerated() {
                // As if it was created on a local disk and copied there.
                _ = try append("before \(number)", on: "ext4")
                #expect(try journalMode(path) == "wal")
                let names = try append("after \(number)", on: type)
                #expect(try journalMode(path) == "delete", "\(type ?? "not known")")
                #expect(names.count == 2 * (number + 1), "\(names)")
            }
            #expect(try append("on the disk again", on: "ext4").count == 7)
            let other = try DatabaseQueue(path: path)
            try other.read { db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM iceberg_tables")
                let patience = CatalogPatience(limit: .milliseconds(50))
                let error = #expect(throws: WeirError.self) {
                    try SQLiteCatalog(
                        path: path,
                        warehouse: folder + "/wh",
                        patience: patience,
                        fileSystemType: { _ in "nfs4" }
                    )
                }
                #expect(error?.code == .locked, "\(String(describing: error))")
            }
            try other.close()
            #expect(try append("with nobody in the way", on: "nfs4").count == 8)
            #expect(try journalMode(path) == "delete")
        }
    }

    /// Messages of a catalog while it waited.
    private final class Words: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    @Test(.hangGuard) func `a commit waits for a writer, tells so, and goes on`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            let words = Words()
            _ = try makeCatalog(folder).create(id, schema: testSchema)
            let patience = CatalogPatience(limit: nil, silence: .milliseconds(50), reminder: .milliseconds(50)) {
                words.add($0)
            }
            let catalog = try SQLiteCatalog(path: path, warehouse: folder + "/wh", patience: patience)
            let table = try catalog.load(id)
            let other = try DatabaseQueue(path: path)
            let done = DispatchSemaphore(value: 0)
            let result = Mutex<Result<IcebergTables.Table, any Error>?>(nil)
            try other.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    Thread.detachNewThread {
                        let outcome = Result { try table.appending("a") }
                        result.withLock { $0 = outcome }
                        done.signal()
                    }
                    while words.all.count < 2 { Thread.sleep(forTimeInterval: 0.01) }
                    return .commit
                }
            }
            done.wait()
            #expect(try result.withLock { try $0?.get().snapshots.count } == 1)
            #expect(words.all.first?.contains("kept busy by another process") == true, "\(words.all)")
            #expect(words.all.last?.contains("free again") == true, "\(words.all)")
        }
    }

    @Test func `a command gives up after its time, in words`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/catalog.db"
            _ = try makeCatalog(folder).create(id, schema: testSchema)
            let patience = CatalogPatience(limit: .milliseconds(50))
            let catalog = try SQLiteCatalog(path: path, warehouse: folder + "/wh", patience: patience)
            let other = try DatabaseQueue(path: path)
            try other.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    let error = #expect(throws: WeirError.self) { try catalog.createNamespace(["x"]) }
                    #expect(error?.code == .locked && error?.advice?.contains("transaction") == true)
                    return .commit
                }
            }
            try catalog.createNamespace(["x"])
        }
    }

    @Test func `file systems of several machines are told by their mounts`() {
        let mounts = """
            22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
            36 22 0:42 / /shared rw,relatime shared:9 master:2 - nfs4 host:/export rw,vers=4.2
            37 36 0:43 / /shared/local\\040disk rw - xfs /dev/vdb rw
            38 22 0:44 / /user rw - fuse.sshfs host:/ rw
            """
        #expect(FileSystemType.of("/shared/warehouse/catalog.db", mounts: mounts) == "nfs4")
        #expect(FileSystemType.of("/shared/local disk/catalog.db", mounts: mounts) == "xfs")
        #expect(FileSystemType.of("/sharedness/catalog.db", mounts: mounts) == "ext4")
        for (type, isShared) in [
            ("nfs4", true), ("fuse.sshfs", true), ("cifs", true), ("ext4", false), ("tmpfs", false),
        ] {
            #expect(FileSystemType.isShared(type) == isShared, "\(type)")
        }
        #expect(FileSystemType.of("/a", mounts: "") == nil)
    }
}
