import Bytes
import Foundation
import ObjectStorage

/// Keeps a second process from running the same topology on the same warehouse.
///
/// The operating system drops the lock when its owner ends, however it ends. Readers take none.
public final class TopologyLock: Sendable {
    private let file: any OpenFile

    public init(topology: String, warehouse: String, files: any FileSystem) throws(WeirError) {
        let directory = warehouse + "/.weir"
        try files.makeDirectories(directory)
        let path = "\(directory)/\(topology).lock"
        let opened = try files.open(path, .write)
        guard try opened.tryLock() else {
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
    }
}
