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
        try opened.truncate(to: 0)
        try opened.write(Array("\(ProcessInfo.processInfo.processIdentifier)\n".utf8), at: 0)
        file = opened
    }
}
