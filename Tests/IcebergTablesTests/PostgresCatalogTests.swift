import Bytes
import Foundation
import IcebergFormat
import Synchronization
import Testing
import WeirTesting

@testable import IcebergTables

/// What is particular to catalogs in PostgreSQL, on a real server.
@Suite(.mostlyWaits, .postgres, .enabled(if: PostgresServer.isAvailable), .hangGuard) struct PostgresCatalogTests {
    private let id = TableIdentifier(namespace: ["db"], name: "orders")

    private func open(_ uri: String, createsTables: Bool = true) throws -> PostgresCatalog {
        try PostgresCatalog(
            PostgresAddress(uri),
            warehouse: "/nowhere",
            patience: CatalogPatience(limit: .milliseconds(300)),
            createsTables: createsTables
        )
    }

    private func error(_ uri: String, createsTables: Bool = true) -> WeirError? {
        let error = #expect(throws: WeirError.self) { try open(uri, createsTables: createsTables) }
        #expect(error?.description.contains("secret") == false, "\(String(describing: error))")
        #expect(error?.hasChangedNothing == true || error?.certainlyDidNothing == true)
        return error
    }

    /// A schema of its own, and the URI that uses it.
    private func schema(_ server: PostgresServer) throws -> (name: String, uri: String) {
        let name = "s" + UUID().uuidString.lowercased().replacing("-", with: "")
        try server.sql("CREATE SCHEMA \(name)")
        return (name, server.uri(options: "?options=-csearch_path%3D\(name)"))
    }

    @Test func `a server that cannot be used is answered with what to do`() throws {
        let server = try PostgresScope.server()
        let port = server.port
        let wrongPassword = error("postgresql://weir:notsecret@127.0.0.1:\(port)/lake")
        #expect(wrongPassword?.message.contains("password authentication failed for user \"weir\"") == true)
        #expect(wrongPassword?.advice?.contains("PGPASSFILE") == true)
        #expect(wrongPassword?.location == "postgresql://weir@127.0.0.1:\(port)/lake")
        #expect(
            error("postgresql://weir@127.0.0.1:\(port)/lake?passfile=/dev/null")?.advice?.contains("pgpass") == true
        )
        let database = error(server.uri("lack"))
        #expect(database?.code == .notFound && database?.message.contains("database \"lack\" does not exist") == true)
        #expect(database?.advice?.contains("createdb") == true)
        let refused = error("postgresql://weir:secret@127.0.0.1:1/lake")
        #expect(refused?.message.contains("Connection refused") == true && refused?.advice?.contains("port") == true)
        let unknown = error("postgresql://weir:secret@no-such-host.invalid/lake")
        #expect(unknown?.message.contains("no-such-host.invalid") == true, "\(String(describing: unknown))")
        let schema = error(server.uri(options: "?options=-csearch_path%3Dmissing"))
        #expect(schema?.code == .notFound && schema?.advice?.contains("search_path") == true)
        let tls = error(server.uri(options: "?sslmode=require"))
        #expect(tls?.message.contains("SSL") == true && tls?.advice?.contains("sslmode") == true)
    }

    @Test func `an address that cannot be read shows nothing of a password`() {
        for uri in [
            "postgresql://weir:se@cret@host/lake", "postgresql://weir:se/cret@host/lake",
            "postgresql://weir:%zzsecret@host",
            "postgresql://weir:secret@host:port/lake", "postgresql://weir:secret@host/la@ke",
            "postgresql://weir:se/cret?x@host/lake", "postgresql://[::1/secret",
        ] {
            let error = #expect(throws: WeirError.self, "\(uri)") { try PostgresAddress(uri) }
            #expect(error?.code == .invalid)
            #expect(error?.description.contains("cret") == false, "\(String(describing: error))")
        }
        let misspelt = #expect(throws: WeirError.self) {
            try PostgresAddress("postgresql://u:secret@h/d?sslmod=require")
        }
        #expect(misspelt?.message.contains("\"sslmod\"") == true, "\(String(describing: misspelt))")
    }

    @Test(
        arguments: [
            ("postgres://u:secret@h/d", "postgresql://u@h/d"),
            ("postgresql://u@a:1,b:2/d?target_session_attrs=read-write", "postgresql://u@a:1,b:2/d"),
            ("postgresql://a,b:7/d?password=secret", "postgresql://a,b:7/d"),
            ("postgresql://[::1]:5/d", "postgresql://[::1]:5/d"),
            ("postgresql://%2Fvar%2Frun/d?user=u", "postgresql://u@/var/run/d"),
            ("postgresql:///d?service=s", "postgresql:///d?service=s"),
        ]
    )
    func `an address is shown without its password`(_ uri: String, _ shown: String) throws {
        #expect(try PostgresAddress(uri).description == shown)
    }

    @Test func `another command gets the whole address but its passwords`() throws {
        let uri = "postgresql://u:secret@h/d?sslmode=verify-full&options=-csearch_path%3Dx&sslpassword=secret"
        let shown = try PostgresAddress(uri).withoutPasswords
        #expect(shown == "postgresql://u@h/d?options=-csearch_path%3Dx&sslmode=verify-full")
        #expect(try PostgresAddress(shown).withoutPasswords == shown)
    }

    @Test func `rights that are missing are named`() throws {
        let server = try PostgresScope.server()
        let (name, uri) = try schema(server)
        let user = "u" + name
        try server.sql("CREATE USER \(user) PASSWORD 'secret'; GRANT USAGE ON SCHEMA \(name) TO \(user)")
        let own = uri.replacing("//weir:", with: "//\(user):")
        let creating = error(own)
        #expect(creating?.message.contains("permission denied for schema") == true)
        #expect(creating?.advice?.contains("CREATE on the schema") == true)
        let catalog = try open(uri)
        try catalog.createNamespace(["db"])
        try server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA \(name) TO \(user)")
        let reader = try open(own)
        #expect(try reader.namespaces() == [["db"]])
        let writing = #expect(throws: WeirError.self) { try reader.createNamespace(["x"]) }
        #expect(writing?.advice?.contains("INSERT") == true && writing?.hasChangedNothing == true)
    }

    @Test func `a server that takes no writes can be read`() throws {
        let server = try PostgresScope.server()
        let (name, uri) = try schema(server)
        let readOnly = uri + "%20-cdefault_transaction_read_only%3Don"
        let creating = error(readOnly)
        #expect(
            creating?.advice?.contains("target_session_attrs=read-write") == true,
            "\(String(describing: creating))"
        )
        let missing = error(readOnly, createsTables: false)
        #expect(missing?.code == .notFound && missing?.advice?.contains("search_path") == true)
        try open(uri).createNamespace(["db"])
        let catalog = try open(readOnly, createsTables: false)
        #expect(try catalog.namespaces() == [["db"]])
        let writing = #expect(throws: WeirError.self) { try catalog.createNamespace(["x"]) }
        #expect(writing?.message.contains("read-only transaction") == true && writing?.hasChangedNothing == true)
        #expect(!name.isEmpty)
    }

    @Test func `a standby is read, and never asked about a commit`() throws {
        try withTemporaryFolder { folder in
            let primary = try PostgresServer(folder: folder + "/primary")
            try open(primary.uri()).createNamespace(["db"])
            try primary.stop()
            let standby = try PostgresServer(
                folder: folder + "/standby",
                settings: ["primary_conninfo = ''"],
                copying: primary,
                isStandby: true
            )
            let catalog = try open(standby.uri(), createsTables: false)
            #expect(try catalog.namespaces() == [["db"]])
            let writing = #expect(throws: WeirError.self) { try catalog.createNamespace(["x"]) }
            #expect(writing?.advice?.contains("standby") == true, "\(String(describing: writing))")
            // Of several hosts the one is used that takes writes.
            try primary.start()
            let hosts = "postgresql://weir:secret@127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)/lake"
            try open(hosts + "?target_session_attrs=read-write").createNamespace(["x"])
            #expect(try open(primary.uri()).namespaces() == [["db"], ["x"]])
            #expect(
                try open(hosts + "?target_session_attrs=prefer-standby", createsTables: false).namespaces() == [["db"]]
            )
            try primary.stop()
            try standby.stop()
        }
    }

    @Test func `a server that is shutting down is waited for, then named`() throws {
        try withTemporaryFolder { folder in
            let server = try PostgresServer(folder: folder + "/server")
            let catalog = try open(server.uri())
            _ = try catalog.namespaces()
            // Its connection keeps the server up.
            server.beginShutdown()
            var error: WeirError?
            while error == nil {
                error = #expect(throws: WeirError.self) { try open(server.uri()) }
                if error?.message.contains("shutting down") == false { error = nil }
            }
            #expect(error?.message.contains("the database system is shutting down") == true)
            withExtendedLifetime(catalog) {}
        }
    }

    @Test func `tables of something else are told apart`() throws {
        let server = try PostgresScope.server()
        let (name, uri) = try schema(server)
        try server.sql("CREATE TABLE \(name).iceberg_tables (name text)")
        let foreign = error(uri)
        #expect(foreign?.code == .unsupported)
        #expect(foreign?.message.contains("iceberg_tables has no column catalog_name") == true)
    }

    @Test func `servers that are too old, or not PostgreSQL, are refused`() {
        func message(_ version: Int, _ text: String) -> String? {
            PostgresDatabase.refusal(version: version, text, at: "h")?.message
        }
        #expect(message(150_018, "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64") == nil)
        #expect(message(100_000, "PostgreSQL 10.0") == nil)
        #expect(message(90_624, "PostgreSQL 9.6.24 on x86_64")?.contains("PostgreSQL 9.6.24, which is too old") == true)
        #expect(message(130_000, "CockroachDB CCL v25.1.0")?.contains("CockroachDB") == true)
    }

    @Test func `catalogs that are made at once do not get in each other's way`() throws {
        let server = try PostgresScope.server()
        for _ in 0..<5 {
            let (name, uri) = try schema(server)
            let failures = Mutex<[String]>([])
            let group = DispatchGroup()
            for number in 0..<4 {
                group.enter()
                Thread.detachNewThread {
                    do {
                        let catalog = try open(uri)
                        try catalog.createNamespace(["db"], ifNotExists: true)
                        try catalog.createNamespace(["own\(number)"])
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                    group.leave()
                }
            }
            group.wait()
            #expect(failures.withLock { $0 } == [])
            #expect(try open(uri).namespaces().count == 5)
            #expect(!name.isEmpty)
        }
    }

    /// The default schema of Java's JdbcCatalog, without `iceberg_type`.
    @Test func `databases of the older schema work`() throws {
        let server = try PostgresScope.server()
        try CatalogDatabase.postgres.withFolder { folder in
            let uri = try String(contentsOfFile: folder + "/catalog.uri", encoding: .utf8)
            let name = uri.split(separator: "%3D").last ?? ""
            try server.sql(
                """
                CREATE TABLE \(name).iceberg_tables(catalog_name VARCHAR(255) NOT NULL,table_namespace VARCHAR(255)
                NOT NULL,table_name VARCHAR(255) NOT NULL,metadata_location VARCHAR(1000),
                previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, table_name))
                """
            )
            let table = try makeCatalog(folder).create(id, schema: testSchema).appending("a")
            #expect(try table.catalog.tables(in: ["db"]) == [id])
            #expect(try makeCatalog(folder).load(id).liveNames() == ["a"])
            try server.sql("INSERT INTO \(name).iceberg_tables VALUES ('other', 'db', 't', 'x', NULL)")
            let other = #expect(throws: WeirError.self) {
                try makeCatalog(folder).load(TableIdentifier(namespace: ["db"], name: "t"))
            }
            #expect(other?.advice?.contains("use --catalog-name other") == true)
        }
    }

    @Test func `a commit waits for a session with locks, names it, and goes on`() throws {
        let server = try PostgresScope.server()
        let (name, uri) = try schema(server)
        try withTemporaryFolder { folder in
            let messages = Mutex<[String]>([])
            var limits = PostgresLimits()
            limits.lock = .milliseconds(50)
            let patience = CatalogPatience(limit: nil, silence: .milliseconds(1), reminder: .milliseconds(1)) { text in
                messages.withLock { $0.append(text) }
            }
            let database = PostgresDatabase(try PostgresAddress(uri), patience: patience, limits: limits)
            let catalog = try PostgresCatalog(database, warehouse: folder)
            try catalog.createNamespace(["db"])
            let table = try catalog.create(id, schema: testSchema)
            let other = try PostgresConnection(
                PostgresAddress(uri + "&application_name=holder"),
                PostgresLimits()
            )
            _ = try other.runAll("BEGIN; UPDATE iceberg_tables SET iceberg_type = 'TABLE'")
            let done = DispatchSemaphore(value: 0)
            let result = Mutex<Result<Int, any Error>?>(nil)
            Thread.detachNewThread {
                let outcome = Result { try table.appending("a").snapshots.count }
                result.withLock { $0 = outcome }
                done.signal()
            }
            while !messages.withLock({ $0.contains { $0.contains("(holder)") } }) { usleep(5_000) }
            _ = try other.runAll("COMMIT")
            done.wait()
            #expect(try result.withLock { try $0?.get() } == 1)
            #expect(messages.withLock { $0.last?.contains("can be used again") } == true)
        }
        #expect(!name.isEmpty)
    }

    @Test func `connections are few, and closed ones are replaced`() throws {
        let server = try PostgresScope.server()
        let (_, uri) = try schema(server)
        let catalog = try open(uri + "&application_name=pool")
        DispatchQueue.concurrentPerform(iterations: 40) { _ in _ = try? catalog.namespaces() }
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'"
        #expect((1...PostgresPool.limit).contains(Int(try server.sql(count)) ?? 0))
        try server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pool'")
        #expect(try catalog.namespaces().isEmpty)
        try catalog.createNamespace(["db"])
    }

    @Test func `a name with a zero byte reaches no other table`() throws {
        let server = try PostgresScope.server()
        let catalog = try open(try schema(server).uri)
        try catalog.createNamespace(["db"])
        try catalog.register(TableIdentifier(namespace: ["db"], name: "a"), metadataLocation: "file:///a")
        let odd = TableIdentifier(namespace: ["db"], name: "a\0b")
        #expect(#expect(throws: WeirError.self) { try catalog.metadataLocation(of: odd) }?.code == .invalid)
        let quoted = TableIdentifier(namespace: ["db"], name: "it's \"$1\" ?1; --")
        try catalog.register(quoted, metadataLocation: "file:///q")
        #expect(try catalog.metadataLocation(of: quoted) == "file:///q")
    }
}
