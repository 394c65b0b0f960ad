import Bytes
import Foundation
import ObjectStorage

/// Keeps a second process from running the same topology on the same warehouse, or, where its sources are shared by a
/// group, gives each process a number of its own.
///
/// The operating system releases the lock when its owner ends, however it ends. Readers take no lock.
public final class TopologyLock: Sendable {
    private static let processesMax = 256

    private let file: any OpenFile
    /// Which of the topology's processes on this warehouse this is, from 0.
    public let number: Int

    /// The name of a process's own files: the topology's name, with the number of the process from the second one on.
    public static func name(topology: String, number: Int) -> String {
        number == 0 ? topology : "\(topology).\(number)"
    }

    /// - Parameters:
    ///   - isShared: whether other processes of the topology may run at the same time.
    ///   - tables: the tables that the process works with, for `holder`.
    public init(
        topology: String,
        warehouse: String,
        files: any FileSystem,
        isShared: Bool = false,
        tables: [String] = []
    ) throws(WeirError) {
        let directory = warehouse + "/.weir"
        try files.makeDirectories(directory)
        var number = 0
        var path = "\(directory)/\(topology).lock"
        var opened = try files.open(path, .write)
        var isLocked = try opened.tryLock()
        while !isLocked && isShared && number < Self.processesMax {
            number += 1
            path = "\(directory)/\(Self.name(topology: topology, number: number)).lock"
            opened = try files.open(path, .write)
            isLocked = try opened.tryLock()
        }
        guard isLocked else {
            throw WeirError(
                .locked,
                "topology '\(topology)' is being run by process \(Self.owner(opened))",
                at: path,
                advice: "stop that process first"
            )
        }
        let lines = ["\(ProcessInfo.processInfo.processIdentifier)"] + tables
        let text = Array(lines.map { $0 + "\n" }.joined().utf8)
        // The content is only informative: a full disk must not prevent locking.
        do {
            try opened.truncate(to: 0)
            try opened.write(text, at: 0)
        } catch  where error.code == .outOfSpace {}
        file = opened
        self.number = number
    }

    /// Prevents every process of a topology from running while it is held. Fails with `locked` when one is running on
    /// this warehouse; one on a machine that does not see the same files is not detected.
    public struct Quiet: Sendable {
        private let files: [any OpenFile]

        public init(topology: String, warehouse: String, files: any FileSystem) throws(WeirError) {
            let directory = warehouse + "/.weir"
            try files.makeDirectories(directory)
            let there = Set(try files.list(directory).map(\.name))
            var held: [any OpenFile] = []
            for number in 0..<TopologyLock.processesMax {
                let name = "\(TopologyLock.name(topology: topology, number: number)).lock"
                guard number == 0 || there.contains(name) else { continue }
                let opened = try files.open("\(directory)/\(name)", .write)
                guard try opened.tryLock() else {
                    throw WeirError(
                        .locked,
                        "topology '\(topology)' is being run by process \(TopologyLock.owner(opened))",
                        at: "\(directory)/\(name)",
                        advice: "stop that process first"
                    )
                }
                held.append(opened)
            }
            self.files = held
        }
    }

    /// A process that runs a topology which works with a table.
    public struct Holder: Sendable {
        /// The topology's name, with the number of the process where there are several.
        public let name: String
        public let process: String
    }

    /// Finds a process that works with a table now; nil when there is none on machines that see the same files.
    public static func holder(
        of table: String,
        warehouse: String,
        files: any FileSystem
    ) throws(WeirError) -> Holder? {
        let directory = warehouse + "/.weir"
        guard try files.status(directory) != nil else { return nil }
        let suffix = ".lock"
        for entry in try files.list(directory) where entry.name.hasSuffix(suffix) {
            let file = try files.open("\(directory)/\(entry.name)", .write)
            let lines = lines(file)
            // The lock file remains after its process has ended.
            guard lines.dropFirst().contains(table[...]), try !file.tryLock() else { continue }
            return Holder(name: String(entry.name.dropLast(suffix.count)), process: String(lines[0]))
        }
        return nil
    }

    /// The process that holds a lock, according to its file.
    private static func owner(_ file: any OpenFile) -> String {
        lines(file).first.map(String.init) ?? "unknown"
    }

    /// The lines of a lock file: the process, then its tables.
    private static func lines(_ file: any OpenFile) -> [Substring] {
        let count = (try? file.size()).map { Int(clamping: min($0, 1 << 20)) } ?? 0
        let text = String(decoding: (try? file.read(count: count, at: 0)) ?? [], as: UTF8.self)
        return text.split(whereSeparator: \.isNewline)
    }
}
