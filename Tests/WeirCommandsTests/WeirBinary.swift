import Foundation
import Testing

/// The built binary, run like a user does.
struct WeirBinary {
    struct Result {
        let status: Int32
        let output: String
        let errors: String

        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// A command that was to succeed and has not.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The path next to the test bundle.
    static let path: String = {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return bundle.appendingPathComponent("weir").path
    }()

    let folder: String
    /// A folder of shared libraries with precedence over the system's.
    var libraries: String?
    var environment: [String: String] = [:]
    /// A program that gets the binary's path and arguments and starts it; nil for none.
    var launcher: String?

    /// Runs a command to its end in the folder, for at most a minute.
    @discardableResult
    func callAsFunction(_ arguments: String..., input: String? = nil) throws -> Result {
        let process = try start(arguments, input: input)
        return process.finish(seconds: 60)
    }

    func run(_ arguments: [String]) throws -> Result { try start(arguments).finish(seconds: 60) }

    /// Processes inherit an ignored SIGHUP, and a run then outlives its terminal. Under nohup, tests of that signal would
    /// wait for ever. A handler is not inherited.
    private static let hearsHangup: Void = { signal(SIGHUP) { _ in } }()

    /// Starts a command that runs until it is stopped.
    func start(_ arguments: [String], input: String? = nil) throws -> Running {
        _ = Self.hearsHangup
        let process = Process()
        process.executableURL = URL(fileURLWithPath: launcher ?? Self.path)
        process.arguments = (launcher == nil ? [] : [Self.path]) + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        for name in ["WEIR_WAREHOUSE", "WEIR_CATALOG", "WEIR_CATALOG_NAME", "WEIR_LOG_ROOT"] { environment[name] = nil }
        if let libraries {
            let others = environment["LD_LIBRARY_PATH"].map { ":" + $0 } ?? ""
            environment["LD_LIBRARY_PATH"] = libraries + others
        }
        process.environment = environment.merging(self.environment) { $1 }
        // Files instead of pipes, so that a command with much output never waits for a reader.
        let name = folder + "/.out-" + UUID().uuidString
        for path in [name, name + ".err"] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: name))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: name + ".err"))
        if let input {
            try input.write(toFile: name + ".in", atomically: true, encoding: .utf8)
            process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: name + ".in"))
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        try process.run()
        return Running(process: process, name: name)
    }

    /// A running command.
    final class Running {
        let process: Process
        private let name: String

        init(process: Process, name: String) {
            self.process = process
            self.name = name
        }

        /// Ends the process even when the test fails.
        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        var output: String { (try? String(contentsOfFile: name, encoding: .utf8)) ?? "" }
        var errors: String { (try? String(contentsOfFile: name + ".err", encoding: .utf8)) ?? "" }

        func signal(_ number: Int32) { kill(process.processIdentifier, number) }

        /// Waits for the end. A command that hangs is killed and has the status −1: the machine may be busy, so it has
        /// two minutes at least.
        func finish(seconds: Double) -> Result {
            let isOver = wait(seconds: max(120, seconds)) { !process.isRunning }
            if !isOver { signal(SIGKILL) }
            process.waitUntilExit()
            return Result(status: isOver ? process.terminationStatus : -1, output: output, errors: errors)
        }

        /// Polls until the condition holds. False on timeout.
        @discardableResult
        func wait(seconds: Double, until holds: () -> Bool) -> Bool {
            let end = Date().addingTimeInterval(seconds)
            while !holds() {
                if Date() > end { return false }
                Thread.sleep(forTimeInterval: 0.02)
            }
            return true
        }
    }
}
