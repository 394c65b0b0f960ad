import Bytes
import Foundation
import ObjectStorage

/// Keeps a second process from running the same topology on the same warehouse, or, where its sources are shared by a
/// group, gives each process a number of its own.
///
/// The operating system drops the lock when its owner ends, however it ends. Readers take none.
public final class TopologyLock: Sendable {
    private static let processesMax = 256

    private let file: any OpenFile
    /// Which of the topology's processes on this warehouse this is, from 0.
    public let number: Int

    /// The name under which a process keeps files of its own: the topology's, with its number from the second on.
    public static func name(topology: String, number: Int) -> String {
        number == 0 ? topology : "\(topology).\(number)"
    }

    /// - Parameter isShared: whether other processes of the topology may run at the same time.
    public init(
        topology: String,
        warehouse: String,
        files: any FileSystem,
        isShared: Bool = false
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
            let owner = String(decoding: (try? opened.read(count: 32, at: 0)) ?? [], as: UTF8.self)
            let pid = owner.trimmingCharacters(in: .whitespacesAndNewlines)
            throw WeirError(
                .locked,
                "topology '\(topology)' is being run by process \(pid.isEmpty ? "unknown" : pid)",
                at: path,
                advice: "stop that process, or give this topology another name"
            )
        }
        let text = Array("\(ProcessInfo.processInfo.processIdentifier)\n".utf8)
        // Who holds the lock is information; a full disk must not refuse the lock itself.
        do {
            try opened.truncate(to: 0)
            try opened.write(text, at: 0)
        } catch  where error.code == .outOfSpace {}
        file = opened
        self.number = number
    }
}
