import Foundation
import MixedTables

/// This process as a reader for a consumer, and whether another one has ended.
enum ConsumerProcess {
    static func session() -> ConsumerSession {
        let process = ProcessInfo.processInfo
        return ConsumerSession(
            id: UUID().uuidString.lowercased(),
            host: host,
            process: Int64(process.processIdentifier),
            machine: machine,
            started: start(of: process.processIdentifier) ?? 0
        )
    }

    /// Whether the process of a session is known to have ended: it was one of this machine, or of this container, and its
    /// id is free or another's now.
    static let isGone: @Sendable (ConsumerSession) -> Bool = { session in
        guard session.machine == machine, !machine.isEmpty, let process = Int32(exactly: session.process) else {
            return false
        }
        if let start = start(of: process) { return start != session.started }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "an unknown host" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// One boot of a machine, and one space of process ids on it; empty if it cannot be told.
    private static let machine: String = {
        let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        guard let boot, let space else { return "" }
        return boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + space
    }()

    /// When a process began, in clock ticks since the machine did; nil if there is none.
    private static func start(of process: Int32) -> Int64? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        // The process's name, which may hold anything, is the second field; the start is the 22nd.
        let fields = text[text.index(after: name)...].split(separator: " ")
        return fields.count > 19 ? Int64(fields[19]) : nil
    }
}
