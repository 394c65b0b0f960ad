import Bytes
import Foundation
import ObjectStorage

/// The exclusive right to write below a directory, held as long as the lock file is open.
///
/// The kernel releases the lock when the process ends, however it ends; the text in the file only names the owner.
final class TopicLock: Sendable {
    private let file: any OpenFile

    private init(_ file: any OpenFile) { self.file = file }

    /// Fails with `locked`, naming the owner, when another writer holds the lock.
    static func take(
        _ path: String,
        what: String,
        owner: String,
        _ files: any FileSystem
    ) throws(WeirError) -> TopicLock {
        let file = try files.open(path, .write)
        guard try file.tryLock() else {
            let text = (try? file.read(count: 256, at: 0)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            let holder = text.trimmingCharacters(in: .whitespacesAndNewlines)
            throw WeirError(
                .locked,
                "\(what) is being written by \(holder.isEmpty ? "another process" : "process \(holder)")",
                at: path,
                advice: "stop that process or write to another topic; reading needs no lock"
            )
        }
        let text = Array("\(owner) \(ProcessInfo.processInfo.processIdentifier)\n".utf8)
        // The owner text is informational; a full disk must not prevent locking.
        do {
            try file.truncate(to: 0)
            try file.write(text, at: 0)
        } catch  where error.code == .outOfSpace {}
        return TopicLock(file)
    }
}
