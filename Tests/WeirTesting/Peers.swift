import Foundation
import Synchronization

/// Other engines as Python scripts.
public enum Peers {
    /// The checkout that the tests were built from.
    public static let checkout = String(
        #filePath.prefix(upTo: #filePath.range(of: "/Tests/")?.lowerBound ?? #filePath.endIndex)
    )
    /// A Python environment with engines.
    public enum Environment: String, Sendable {
        /// Made by `scripts/install-test-peers`.
        case peers
        /// Larger engines, made by `scripts/install-soak-peers`.
        case soakPeers = "soak-peers"

        var python: String { "\(checkout)/.deps/\(rawValue)/bin/python" }
        /// Whether the script that makes it has run to its end.
        public var isInstalled: Bool {
            FileManager.default.fileExists(atPath: "\(checkout)/.deps/\(rawValue)/installed")
        }
    }

    public static let isInstalled = FileManager.default.isExecutableFile(atPath: Environment.peers.python)

    /// When peers are required, missing ones are a failure and not a reason to skip.
    public static let shouldRun = isInstalled || isRequired

    /// Whether no test may be skipped: `CI` is set to anything but an empty text, `0` or `false`.
    static let isRequired = !["", "0", "false"].contains(ProcessInfo.processInfo.environment["CI"] ?? "")

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// A program of a package in the Python environment; nil when it is not installed.
    static func program(_ path: String) -> String? {
        packages.map { "\($0)/\(path)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether PyIceberg can use a catalog in PostgreSQL.
    public static let canUsePostgres =
        isRequired
        || packages.contains {
            FileManager.default.fileExists(atPath: $0 + "/psycopg2")
        }

    /// The files in a folder of the Python environment's packages.
    static func files(in folder: String) -> [String] {
        packages.flatMap { package in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(package)/\(folder)")) ?? []
            return names.sorted().map { "\(package)/\(folder)/\($0)" }
        }
    }

    private static let packages: [String] = {
        let libraries = checkout + "/.deps/peers/lib"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
        return versions.filter { $0.hasPrefix("python3") }.map { "\(libraries)/\($0)/site-packages" }
    }()

    static func path(of script: String) -> String {
        "\(checkout)/Tests/WeirCommandsTests/Fixtures/peers/\(script)"
    }

    private static let servers = Mutex<[Environment: PeerServer]>([:])

    private static func server(of environment: Environment) throws -> PeerServer {
        try servers.withLock { servers in
            if let server = servers[environment], !server.hasEnded { return server }
            let server = try PeerServer(python: environment.python, script: path(of: "serve.py"))
            servers[environment] = server
            return server
        }
    }

    private static func alone(
        _ script: String,
        _ arguments: [String],
        input: String,
        output: String,
        errors: String,
        _ environment: Environment
    ) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: environment.python)
        process.arguments = ["-B", path(of: script)] + arguments
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: input))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
        try process.run()
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// Runs a peer script and returns its output. Throws with its error output when it fails.
    ///
    /// - Parameter isQuick: whether the script imports nothing large: it gets a Python of its own.
    public static func run(
        _ script: String,
        _ arguments: [String],
        input: String? = nil,
        in environment: Environment = .peers,
        isQuick: Bool = false
    ) throws -> String {
        guard FileManager.default.isExecutableFile(atPath: environment.python) else {
            let installer = "scripts/install-\(environment == .peers ? "test-peers" : "soak-peers")"
            throw Failure(description: "\(environment.python) is missing; \(installer) installs it")
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String, _ text: String = "") throws -> URL {
            let file = folder.appendingPathComponent(name)
            try Data(text.utf8).write(to: file)
            return file
        }
        let (output, errors) = try (file("output"), file("errors"))
        let typed = try input.map { try file("input", $0).path } ?? "/dev/null"
        let status =
            isQuick
            ? try alone(script, arguments, input: typed, output: output.path, errors: errors.path, environment)
            : try server(of: environment)
                .run(script, arguments, input: typed, output: output.path, errors: errors.path)
        guard status == 0 else {
            let text = try String(decoding: Data(contentsOf: errors), as: UTF8.self)
            throw Failure(description: "\(script) ended with \(status.map { "\($0)" } ?? "its server"): \(text)")
        }
        return try String(decoding: Data(contentsOf: output), as: UTF8.self)
    }
}
