import Foundation
import Synchronization
import Testing
import WeirTesting

/// The binary with a catalog in PostgreSQL.
@Suite(.serialized, .mostlyWaits, .postgres, .hangGuard, .enabled(if: PostgresServer.isAvailable))
struct PostgresBinaryTests {
    /// A database of its own, and its address without the password.
    private static func database(_ server: PostgresServer) throws -> (name: String, address: String) {
        let name = "d" + UUID().uuidString.lowercased().replacing("-", with: "")
        try server.sql("CREATE DATABASE \(name)", database: "postgres")
        return (name, "postgresql://weir@127.0.0.1:\(server.port)/\(name)")
    }

    private static func environment(_ address: String) -> [String: String] {
        ["WEIR_CATALOG": address, "PGPASSWORD": "secret"]
    }

    /// The keys that PyIceberg writes. Those of the history are smaller or much larger.
    private static func isForeign(_ id: Int) -> Bool { (1000..<2000).contains(id) }

    @Test(.enabled(if: KafkaBroker.isAvailable && Peers.isInstalled && Peers.canUsePostgres))
    func `two processes and PyIceberg write a table at once, and nothing is lost or doubled`() throws {
        let server = try PostgresScope.server()
        let (name, address) = try Self.database(server)
        try withTemporaryFolder { folder in
            var scenario = try KafkaScenario(folder, broker: .noida)
            scenario.weir.environment = Self.environment(address)
            var options = KafkaScenario.Options()
            options.catalog = address
            try scenario.write(options)
            let first = try scenario.start(isQuiet: false)
            let second = try scenario.start(isQuiet: false)
            try scenario.dealRows()
            #expect(scenario.settles(first, seconds: 300), "\(first.errors) \(second.errors)")
            let isShared = first.wait(seconds: 300) {
                [first, second].allSatisfy { run in
                    let begun = run.errors.split(separator: "\n").last { $0.contains(" begins with ") }
                    return begun?.contains(" begins with 2 partitions") == true
                }
            }
            #expect(isShared, "\(first.errors) \(second.errors)")

            let count = 12
            let output = Mutex<Result<String, any Error>?>(nil)
            let uri = "postgresql+psycopg2://weir:secret@127.0.0.1:\(server.port)/\(name)"
            Thread.detachNewThread {
                let result = Result {
                    try Peers.run("postgres_writer.py", [uri, "file://\(folder)/warehouse", "shop.people", "\(count)"])
                }
                output.withLock { $0 = result }
            }
            var rounds = 0
            while output.withLock({ $0 == nil }), first.process.isRunning, second.process.isRunning {
                try scenario.produce(20)
                rounds += 1
                Thread.sleep(forTimeInterval: 0.1)
            }
            let overtaken = try #require(output.withLock { $0 }).get().trimmingCharacters(in: .whitespacesAndNewlines)
            try scenario.dealRows()
            let foreign = Set((0..<count).map { 1000 + $0 })
            let isThere = first.wait(seconds: 300) {
                guard let rows = try? scenario.rows() else { return false }
                return rows.filter { !Self.isForeign($0.key) } == scenario.history.rows
                    && foreign.isSubset(of: rows.keys)
            }
            #expect(isThere, "\(first.errors) \(second.errors)")
            for run in [first, second] { scenario.stop(run) }
            let rows = try scenario.rows()
            #expect(rows.filter { !Self.isForeign($0.key) } == scenario.history.rows, "seed \(scenario.history.seed)")
            #expect(Set(rows.keys.filter(Self.isForeign)) == foreign)
            #expect(try scenario.replayed() == scenario.history.rows, "seed \(scenario.history.seed)")
            let made = try scenario.weir("table", "describe", "other.made", "-o", "json")
            #expect(made.output.contains("\"number\":\"\(count - 1)\""), "\(made.output) \(made.errors)")
            print("PyIceberg was overtaken \(overtaken) times in \(rounds) rounds of two processes")
        }
    }

    /// A table without a key keeps every insert, so that a repeated commit would show.
    @Test func `a run goes on over crashes of the server, and nothing is lost or doubled`() throws {
        try withTemporaryFolder { folder in
            let server = try PostgresServer(folder: folder + "/server")
            let address = "postgresql://weir@127.0.0.1:\(server.port)/lake"
            var weir = WeirBinary(folder: folder)
            weir.environment = Self.environment(address)
            let topology = BinaryTests.topology.replacing(", primary-key: [id]", with: "")
            try topology.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("log", "create", "people").status == 0)
            let run = try weir.start(["run", "people.yaml"])
            var next = 0
            func append() throws {
                for _ in 0..<10 {
                    let appended = try weir(
                        "log",
                        "append",
                        "people",
                        input: BinaryTests.record(next, "n", operation: "c")
                    )
                    try #require(appended.status == 0, "\(appended.errors)")
                    next += 1
                }
            }
            func settles() -> Bool {
                run.wait(seconds: 300) {
                    let count = try? weir("scan", "shop.people", "--count", "-o", "csv")
                    return !run.process.isRunning || count?.lines.last == "\(next)"
                }
            }
            try append()
            #expect(settles(), "\(run.errors)")
            for round in 0..<3 {
                try append()
                try round == 1 ? server.stop() : server.crash()
                try append()
                try server.start()
                #expect(settles() && run.process.isRunning, "\(run.errors)")
            }
            run.signal(SIGTERM)
            let ended = run.finish(seconds: 60)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(!ended.errors.contains("secret"))
            let scan = try weir("scan", "shop.people", "-o", "json")
            let ids = try scan.lines.map { try #require(KafkaScenario.object($0)["id"] as? Int) }
            #expect(ids.sorted() == Array(0..<next), "\(scan.errors)")
            try server.stop()
        }
    }

    @Test func `commands say what is wrong with a catalog, without its password`() throws {
        let server = try PostgresScope.server()
        let (_, address) = try Self.database(server)
        try withTemporaryFolder { folder in
            var weir = WeirBinary(folder: folder)
            weir.environment = Self.environment(address)
            // Reading makes no tables.
            let empty = try weir("table", "ls")
            #expect(
                empty.status == 1 && empty.errors.contains("there is no catalog in this database"),
                "\(empty.errors)"
            )
            let fresh = try weir("doctor", "-o", "csv")
            #expect(fresh.output.contains("catalog,warn,\(address) has no catalog's tables yet"), "\(fresh.output)")
            #expect(fresh.output.contains("libpq"), "\(fresh.output)")
            let made = try weir("table", "create", "shop.t", "--column", "id:long", "--primary-key", "id")
            #expect(made.status == 0, "\(made.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder + "/warehouse/catalog.db"))
            #expect(try weir("table", "ls", "-o", "csv").output.contains("shop.t,keyed"))
            let well = try weir("doctor", "-o", "csv")
            #expect(well.status == 0 && well.output.contains("\(address) opens, 1 table"), "\(well.output)")

            weir.environment = ["PGPASSWORD": "wrong"]
            let secret = address.replacing("weir@", with: "weir:othersecret@")
            for arguments in [
                ["table", "ls"], ["scan", "shop.t"], ["table", "create", "shop.u", "--column", "id:long"], ["doctor"],
            ] {
                let refused = try weir.run(arguments + ["--catalog", secret])
                let text = refused.output + refused.errors
                #expect(refused.status == (arguments == ["doctor"] ? 3 : 1), "\(text)")
                #expect(text.contains("password authentication failed for user \"weir\""), "\(text)")
                #expect(text.contains(address) && !text.contains("secret"), "\(text)")
            }
            let old = try weir("table", "ls", "--catalog", "mysql://weir:secret@host/db")
            #expect(old.errors.contains("use sqlite:PATH or postgresql://") && !old.errors.contains("secret"))
        }
    }

    @Test func `a topology is checked against its database`() throws {
        let server = try PostgresScope.server()
        let (name, address) = try Self.database(server)
        try withTemporaryFolder { folder in
            var weir = WeirBinary(folder: folder)
            weir.environment = ["PGPASSWORD": "secret"]
            let sink = "sink: { type: mixed-iceberg, catalog: \"\(address)\" }"
            let topology = BinaryTests.topology.replacing("sink: { type: mixed-iceberg }", with: sink)
            try topology.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            #expect(try weir("log", "create", "people").status == 0)
            let check = try weir("check", "people.yaml")
            #expect(check.status == 0, "\(check.errors) \(check.output)")
            #expect(
                try server.sql("SELECT to_regclass('iceberg_tables')", database: name).isEmpty,
                "a check makes nothing"
            )
            try weir("log", "append", "people", input: BinaryTests.record(1, "ada", operation: "c"))
            let run = try weir("run", "people.yaml", "--until-caught-up", "--quiet")
            #expect(run.status == 0, "\(run.errors)")
            #expect(try server.sql("SELECT count(*) FROM iceberg_tables", database: name) == "2")
            let doctor = try weir("doctor", "--topology", "people.yaml")
            #expect(doctor.output.contains("\(address) opens, 1 table"), "\(doctor.output)")
            // The database is there only for those who know its name.
            let missing = topology.replacing("/\(name)", with: "/nowhere")
            try missing.write(toFile: folder + "/people.yaml", atomically: true, encoding: .utf8)
            for command in ["check", "run"] {
                let failed = try weir(command, "people.yaml")
                #expect(failed.status != 0 && failed.errors.contains("database \"nowhere\" does not exist"))
            }
        }
    }

    /// Arrow's libraries export the symbols of another OpenSSL.
    @Test func `a connection can use TLS, and checks the certificate`() throws {
        try withTemporaryFolder { folder in
            let server = try PostgresServer(folder: folder + "/server")
            try server.useTLS(certificate: folder + "/ca.pem")
            var weir = WeirBinary(folder: folder)
            weir.environment = ["PGPASSWORD": "secret"]
            func made(_ table: String, _ parameters: String, host: String = "localhost") throws -> WeirBinary.Result {
                try weir(
                    "table",
                    "create",
                    table,
                    "--column",
                    "id:long",
                    "--catalog",
                    "postgresql://weir@\(host):\(server.port)/lake?\(parameters)"
                )
            }
            for (number, parameters) in ["sslmode=require", "sslmode=verify-full&sslrootcert=\(folder)/ca.pem"]
                .enumerated()
            {
                let result = try made("shop.t\(number)", parameters)
                #expect(result.status == 0, "\(result.errors)")
            }
            let unknown = try made("shop.u", "sslmode=verify-full&sslrootcert=\(folder)/ca.pem", host: "127.0.0.1")
            #expect(unknown.status == 1 && unknown.errors.contains("certificate"), "\(unknown.errors)")
            let untrusted = try made("shop.u", "sslmode=verify-full")
            #expect(untrusted.status == 1 && untrusted.errors.contains("certificate"), "\(untrusted.errors)")
            try server.stop()
        }
    }
}
