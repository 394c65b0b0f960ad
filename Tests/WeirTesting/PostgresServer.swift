import Foundation

/// A PostgreSQL server of its own: a new cluster in a folder, on a free port of the loopback interface, with the
/// superuser `weir` and the database `lake`.
///
/// Debian's package installs the programs below `/usr/lib/postgresql`; `scripts/install-test-peers` installs it.
public final class PostgresServer: @unchecked Sendable {
    // Used by one test at a time.

    public let port: UInt16
    public let folder: String
    private var process: Process?

    /// The folder of `initdb` and `postgres`, of the newest version.
    private static let programs: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let folders = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
        return folders.first { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
    }()

    /// When peers are required, a missing server is a failure and not a reason to skip.
    public static let isAvailable = programs != nil || Peers.isRequired

    /// Makes a cluster, or copies one, and starts it.
    ///
    /// - Parameters:
    ///   - settings: lines of `postgresql.conf`.
    ///   - original: a stopped server whose data is copied.
    ///   - isStandby: starts it as a hot standby, which stays one.
    public init(
        folder: String,
        settings: [String] = [],
        copying original: PostgresServer? = nil,
        isStandby: Bool = false
    ) throws {
        self.folder = folder
        port = try LoopbackPort.free()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.giveAway(folder)
        if let original {
            try FileManager.default.copyItem(atPath: original.folder + "/data", toPath: folder + "/data")
            if isStandby { try Data().write(to: URL(fileURLWithPath: folder + "/data/standby.signal")) }
            _ = try Self.run("/bin/chown", ["-R", Self.user ?? NSUserName(), folder + "/data"], as: nil)
        } else {
            // The password file is read by the server's user.
            try "secret\n".write(toFile: folder + "/password", atomically: false, encoding: .utf8)
            _ = try Self.run(
                try Self.program("initdb"),
                [
                    "-D", folder + "/data", "-U", "weir", "--pwfile", folder + "/password", "--auth", "scram-sha-256",
                    "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8",
                ],
                as: Self.user
            )
        }
        let own = [
            "listen_addresses = '127.0.0.1'", "unix_socket_directories = '\(folder)'", "max_connections = 200",
            "shared_buffers = 16MB", "fsync = off",
        ]
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/data/postgresql.conf"))
        try file.seekToEnd()
        try file.write(contentsOf: Data((own + settings).joined(separator: "\n").utf8 + [10]))
        try file.close()
        try start()
        if original == nil { try sql("CREATE DATABASE lake", database: "postgres") }
    }

    /// Ends the server even when the test fails.
    deinit {
        guard let process, process.isRunning else { return }
        signal(SIGQUIT)
        process.waitUntilExit()
    }

    /// A URI with the superuser's password.
    public func uri(_ database: String = "lake", options: String = "") -> String {
        "postgresql://weir:secret@127.0.0.1:\(port)/\(database)\(options)"
    }

    /// The server's log, for messages of failed tests.
    public var log: String { (try? String(contentsOfFile: folder + "/server.log", encoding: .utf8)) ?? "" }

    public func start() throws {
        precondition(process == nil, "the server runs already")
        let process = Process()
        let (program, arguments) = Self.command(
            try Self.program("postgres"),
            ["-D", folder + "/data", "-p", "\(port)"],
            as: Self.user
        )
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let path = folder + "/server.log"
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        let log = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try log.seekToEnd()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = log
        process.standardError = log
        try ChildSignals.unblocked { try process.run() }
        self.process = process
        let deadline = Date().addingTimeInterval(60)
        while (try? sql("SELECT 1", database: "postgres")) == nil {
            guard process.isRunning, Date() < deadline else {
                throw Peers.Failure(description: "PostgreSQL does not answer on port \(port): \(self.log)")
            }
            usleep(20_000)
        }
    }

    /// Restarts it with a certificate of its own for the name `localhost`, which is also written to a file.
    public func useTLS(certificate path: String) throws {
        try stop()
        let (key, certificate) = (folder + "/data/server.key", folder + "/data/server.crt")
        _ = try Self.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key,
                "-out", certificate,
            ],
            as: Self.user
        )
        chmod(key, 0o600)
        try FileManager.default.copyItem(atPath: certificate, toPath: path)
        let settings = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/data/postgresql.conf"))
        try settings.seekToEnd()
        try settings.write(contentsOf: Data("ssl = on\n".utf8))
        try settings.close()
        try start()
    }

    /// Ends all sessions and stops.
    public func stop() throws { try end(SIGINT) }

    /// Kills all of its processes at once, without a checkpoint: what a crash leaves.
    public func crash() throws { try end(SIGQUIT) }

    /// Stops taking new sessions and waits for the others to end: it is shutting down.
    public func beginShutdown() { signal(SIGTERM) }

    private func end(_ number: Int32) throws {
        guard let process else { return }
        signal(number)
        let deadline = Date().addingTimeInterval(60)
        while process.isRunning {
            guard Date() < deadline else {
                throw Peers.Failure(description: "PostgreSQL goes on after signal \(number): \(log)")
            }
            usleep(5_000)
        }
        self.process = nil
    }

    /// The first process of the cluster, which `setpriv` became.
    private func signal(_ number: Int32) {
        if let process { kill(process.processIdentifier, number) }
    }

    /// Runs SQL with psql and returns its rows, columns separated by `|`.
    @discardableResult
    public func sql(_ text: String, database: String = "lake") throws -> String {
        try Self.run(
            try Self.program("psql"),
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", uri(database), "-c", text],
            as: nil
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func program(_ name: String) throws -> String {
        guard let programs else {
            throw Peers.Failure(description: "PostgreSQL is not installed: scripts/install-test-peers does")
        }
        return "\(programs)/\(name)"
    }

    // MARK: - User

    /// The server refuses to run as root; Debian's package made this user.
    private static let user: String? = geteuid() == 0 ? "postgres" : nil

    /// Lets the server's user write to a folder.
    private static func giveAway(_ folder: String) throws {
        guard let user else { return }
        _ = try run("/bin/chown", [user, folder], as: nil)
    }

    private static func command(_ program: String, _ arguments: [String], as user: String?) -> (String, [String]) {
        guard let user else { return (program, arguments) }
        return ("/usr/bin/setpriv", ["--reuid", user, "--regid", user, "--clear-groups", program] + arguments)
    }

    private static func run(_ program: String, _ arguments: [String], as user: String?) throws -> String {
        let process = Process()
        let (program, arguments) = command(program, arguments, as: user)
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Peers.Failure(description: "\(program) ended with \(process.terminationStatus): \(text)")
        }
        return text
    }
}
