import Foundation

/// Other engines as Python scripts. Requires `scripts/install-test-peers`.
public enum Peers {
    /// The checkout that the tests were built from.
    public static let checkout = String(
        #filePath.prefix(upTo: #filePath.range(of: "/Tests/")?.lowerBound ?? #filePath.endIndex)
    )
    private static let python = checkout + "/.deps/peers/bin/python"

    public static let isInstalled = FileManager.default.isExecutableFile(atPath: python)

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

    /// Runs a peer script and returns its output. Throws with its error output when it fails.
    public static func run(_ script: String, _ arguments: [String], input: String? = nil) throws -> String {
        guard isInstalled else {
            throw Failure(description: "\(python) is missing; scripts/install-test-peers installs it")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-B", checkout + "/Tests/WeirCommandsTests/Fixtures/peers/" + script] + arguments
        let output = Pipe()
        process.standardOutput = output
        // Errors go to a file: a full pipe that nobody reads would block the script.
        let complaints = FileManager.default.temporaryDirectory.appendingPathComponent("weir-" + UUID().uuidString)
        _ = FileManager.default.createFile(atPath: complaints.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: complaints) }
        process.standardError = try FileHandle(forWritingTo: complaints)
        let typed = complaints.appendingPathExtension("in")
        defer { try? FileManager.default.removeItem(at: typed) }
        if let input {
            try Data(input.utf8).write(to: typed)
            process.standardInput = try FileHandle(forReadingFrom: typed)
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let text = (try? String(contentsOf: complaints, encoding: .utf8)) ?? ""
            throw Failure(description: "\(script) ended with \(process.terminationStatus): \(text)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
