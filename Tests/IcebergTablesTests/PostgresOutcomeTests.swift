import Bytes
import Foundation
import IcebergFormat
import ObjectStorage
import Synchronization
import Testing
import WeirTesting

@testable import IcebergTables

/// Commits whose connection breaks, through a proxy before the suite's server.
@Suite(.mostlyWaits, .postgres, .enabled(if: PostgresServer.isAvailable), .hangGuard) struct PostgresOutcomeTests {
    private static let ids = ["a", "b", "c"].map { TableIdentifier(namespace: ["db"], name: $0) }
    private static let commit = "statement_timeout = 0; COMMIT"
    private static let move = "UPDATE iceberg_tables"

    /// What the proxy does once with a message that contains a text.
    private final class Fault: Sendable {
        private let next = Mutex<(text: String, action: ByteProxy.Action)?>(nil)
        private let met = Mutex(0)
        var count: Int { met.withLock { $0 } }

        func arm(_ text: String, _ action: ByteProxy.Action) { next.withLock { $0 = (text, action) } }

        func action(_ piece: String) -> ByteProxy.Action {
            next.withLock { next in
                guard let fault = next, piece.contains(fault.text) else { return .forward }
                met.withLock { $0 += 1 }
                next = nil
                return fault.action
            }
        }
    }

    private struct Fixture {
        let folder: String
        let schema: String
        let server: PostgresServer
        let proxy: ByteProxy
        let fault: Fault
        let catalog: PostgresCatalog

        /// How many rows of `iceberg_tables` were updated by transactions that were committed.
        func moves() throws -> Int { Int(try server.sql("SELECT count(*) FROM \(schema).moves")) ?? -1 }

        func metadataFiles() throws -> Int {
            try LocalObjectStorage().list(folder + "/wh").count { $0.path.hasSuffix(".metadata.json") }
        }
    }

    /// Three tables with one file each, behind a proxy.
    private func withTables(
        _ limits: PostgresLimits = PostgresLimits(),
        _ body: (Fixture, [Table]) throws -> Void
    ) throws {
        let server = try PostgresScope.server()
        let schema = "s" + UUID().uuidString.lowercased().replacing("-", with: "")
        try server.sql("CREATE SCHEMA \(schema)")
        let fault = Fault()
        let proxy = try ByteProxy(to: server.port) { fault.action($0) }
        try withTemporaryFolder { folder in
            let uri = "postgresql://weir:secret@127.0.0.1:\(proxy.port)/lake?options=-csearch_path%3D\(schema)"
            let database = PostgresDatabase(try PostgresAddress(uri), limits: limits)
            let catalog = try PostgresCatalog(database, warehouse: folder + "/wh")
            try catalog.createNamespace(["db"])
            let tables = try Self.ids.map { id in
                try catalog.create(id, schema: testSchema).appending("\(id.name)-old")
            }
            try server.sql(
                """
                SET search_path = \(schema);
                CREATE TABLE moves (name text);
                CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO \(schema).moves VALUES (NEW.table_name); RETURN NEW; END $$;
                CREATE TRIGGER moved AFTER UPDATE ON iceberg_tables FOR EACH ROW EXECUTE FUNCTION moved();
                """
            )
            try body(
                Fixture(
                    folder: folder,
                    schema: schema,
                    server: server,
                    proxy: proxy,
                    fault: fault,
                    catalog: catalog
                ),
                tables
            )
        }
    }

    /// Replaces the file of each table, and checks that this happened once.
    private func checkCommit(_ fixture: Fixture, _ tables: [Table]) throws {
        let files = try fixture.metadataFiles()
        let after = try MultiTableTests.replacing(tables).commit()
        #expect(fixture.fault.count == 1)
        #expect(after.map(\.snapshots.count) == [2, 2, 2])
        #expect(try MultiTableTests.areNew(fixture.catalog.load(Self.ids)) == true)
        #expect(try fixture.moves() == 3, "moved once")
        #expect(try fixture.metadataFiles() == files + 3)
        // The catalog can be used as before.
        #expect(try after[0].appending("last").snapshots.count == 3)
    }

    @Test func `an answer that is lost after the commit is looked up, and the commit is not repeated`() throws {
        try withTables { fixture, tables in
            fixture.fault.arm(Self.commit, .loseAnswer)
            try checkCommit(fixture, tables)
        }
    }

    @Test func `a commit that never reached the server is made again once that is certain`() throws {
        // The server ends the session that waits for the rest of its transaction.
        var limits = PostgresLimits()
        limits.idleInTransaction = .milliseconds(300)
        try withTables(limits) { fixture, tables in
            fixture.fault.arm(Self.commit, .hold)
            try checkCommit(fixture, tables)
            fixture.proxy.release(forwarding: false)
        }
    }

    @Test func `a commit that is still on its way is waited for, and not repeated`() throws {
        try withTables { fixture, tables in
            fixture.fault.arm(Self.commit, .hold)
            let (proxy, server) = (fixture.proxy, fixture.server)
            let failure = Mutex<String?>(nil)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                do {
                    // Another session asks what came of it.
                    while try server.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                        == "0"
                    {
                        usleep(20_000)
                    }
                    proxy.release(forwarding: true)
                } catch {
                    failure.withLock { $0 = "\(error)" }
                }
                done.signal()
            }
            try checkCommit(fixture, tables)
            done.wait()
            #expect(failure.withLock { $0 } == nil)
        }
    }

    @Test(arguments: [ByteProxy.Action.loseAnswer, .hold])
    func `a transaction that breaks before its commit is run again`(_ action: ByteProxy.Action) throws {
        var limits = PostgresLimits()
        limits.idleInTransaction = .milliseconds(300)
        try withTables(limits) { fixture, tables in
            fixture.fault.arm(Self.move, action)
            try checkCommit(fixture, tables)
        }
    }

    @Test func `a server that does not answer is given up`() throws {
        var limits = PostgresLimits()
        limits.answer = .milliseconds(500)
        try withTables(limits) { fixture, tables in
            fixture.fault.arm(Self.move, .drop)
            try checkCommit(fixture, tables)
        }
    }

    @Test(arguments: [ByteProxy.Action.loseAnswer, .hold])
    func `a table whose creation had no answer is created once`(_ action: ByteProxy.Action) throws {
        var limits = PostgresLimits()
        limits.idleInTransaction = .milliseconds(300)
        try withTables(limits) { fixture, _ in
            let id = TableIdentifier(namespace: ["other"], name: "t")
            fixture.fault.arm(Self.commit, action)
            try fixture.catalog.createNamespace(["other"])
            #expect(fixture.fault.count == 1)
            fixture.fault.arm(Self.commit, action)
            let table = try fixture.catalog.create(id, schema: testSchema)
            #expect(fixture.fault.count == 2)
            #expect(try fixture.catalog.metadataLocation(of: id) == table.metadataLocation)
            #expect(try LocalObjectStorage().list(fixture.folder + "/wh/other").count == 1)
            #expect(try table.appending("a").liveNames() == ["a"])
        }
    }

    @Test func `a drop without an answer says so and deletes nothing`() throws {
        try withTables { fixture, tables in
            fixture.fault.arm(Self.commit, .loseAnswer)
            let files = try LocalObjectStorage().list(fixture.folder + "/wh").count
            let error = #expect(throws: WeirError.self) { try fixture.catalog.drop(Self.ids[0], purge: true) }
            #expect(error?.certainlyDidNothing == false, "\(String(describing: error))")
            #expect(try LocalObjectStorage().list(fixture.folder + "/wh").count == files)
            #expect(tables.count == 3)
        }
    }

    @Test func `commits go on over crashes of the server, and none is lost or doubled`() throws {
        try withTemporaryFolder { folder in
            let server = try PostgresServer(folder: folder + "/server")
            let messages = Mutex<[String]>([])
            let patience = CatalogPatience(limit: nil, silence: .zero) { text in messages.withLock { $0.append(text) } }
            let database = PostgresDatabase(try PostgresAddress(server.uri()), patience: patience)
            let catalog = try PostgresCatalog(database, warehouse: folder + "/wh")
            try catalog.createNamespace(["db"])
            let tables = try Self.ids.map { try catalog.create($0, schema: testSchema) }
            let count = 60
            let made = Mutex(0)
            let failure = Mutex<String?>(nil)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                do {
                    var tables = tables
                    for number in 0..<count {
                        var all = MultiTableTransaction()
                        for table in tables {
                            var transaction = Transaction(table)
                            transaction.append([dataFile("n\(number)")])
                            all.add(transaction)
                        }
                        tables = try all.commit()
                        made.withLock { $0 = number + 1 }
                    }
                } catch {
                    failure.withLock { $0 = "\(error)" }
                }
                made.withLock { $0 = count }
                done.signal()
            }
            for crash in 1...4 {
                while made.withLock({ $0 }) < crash * count / 5 { usleep(1_000) }
                try crash == 4 ? server.stop() : server.crash()
                try server.start()
            }
            done.wait()
            #expect(failure.withLock { $0 } == nil)
            let expected = Set((0..<count).map { "n\($0)" })
            for table in try catalog.load(Self.ids) {
                #expect(table.snapshots.count == count)
                #expect(try FreshPlan.liveNames(of: table) == expected)
                #expect(table.currentSnapshot?.summary["total-data-files"] == "\(count)")
            }
            #expect(messages.withLock { $0.contains { $0.contains("can be used again") } })
            try server.stop()
        }
    }
}
