import Foundation

/// Processes that the cases start: this program, `weir`, other engines.
enum ChildProcess {
    /// The folder of this program, which also contains `weir`.
    static var programFolder: String {
        URL(fileURLWithPath: programPath).deletingLastPathComponent().path
    }

    /// Python with a package, where `make test-peers` puts it; nil when it is not there.
    static func peersPython(with package: String) -> String? {
        let path = FileManager.default.currentDirectoryPath + "/.deps/peers/bin/python"
        guard FileManager.default.isExecutableFile(atPath: path) else { return nil }
        return output(path, ["-c", "import \(package)"]) != nil ? path : nil
    }

    private static var programPath: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// Runs this program with other arguments, waits for it and returns its exit code.
    static func runSelf(_ arguments: [String], environment: [String: String] = [:]) -> Int32 {
        guard let process = start(programPath, arguments, environment: environment) else { return 127 }
        return wait(process)
    }

    /// Starts a program without a shell; nil if it cannot be started. `isSilent` drops its output.
    static func start(
        _ path: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        isSilent: Bool = false
    ) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if isSilent {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        }
        let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var process: pid_t = 0
        return posix_spawn(&process, path, &actions, nil, &argv, &envp) == 0 ? process : nil
    }

    /// Waits for the process and returns its exit code, or 128 plus the signal number.
    static func wait(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return 127 } }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// Runs a program without its output and returns what it cost; nil when it could not be started or failed.
    static func cost(_ path: String, _ arguments: [String]) -> Benchmark.Cost? {
        var usage = rusage()
        var status: Int32 = 1
        let wall = Benchmark.seconds {
            guard let process = start(path, arguments, isSilent: true) else { return }
            while wait4(process, &status, 0, &usage) < 0 { guard errno == EINTR else { return } }
        }
        guard status == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return Benchmark.Cost(wall: wall, cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime))
    }

    /// Runs a program and returns what it printed; nil when it could not be started or failed.
    static func output(_ path: String, _ arguments: [String]) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        do { try process.run() } catch { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }
}
