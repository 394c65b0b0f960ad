import Bytes
import Foundation
import GRDB

/// The database's journal. With a write-ahead log readers and a writer do not wait for each other; with SQLite's default a
/// session that keeps a read transaction open blocks every commit.
extension SQLiteCatalog {
    /// Switches the database to a write-ahead log where that is safe and nobody is in the way; it stays as it is
    /// otherwise. The mode is a property of the file: every program that opens it uses it from then on.
    ///
    /// A database that came to a shared file system with a write-ahead log is switched back, or refused.
    ///
    /// - Parameter type: of the file system it is on; nil when that is not known.
    static func chooseJournal(_ queue: DatabaseQueue, _ wait: CatalogWait, path: String, on type: String?) throws {
        guard sharesMemory(type) else { return try leaveWriteAheadLog(queue, path: path) }
        _ = try? wait.withoutWaiting {
            try queue.writeWithoutTransaction { db in
                let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode")
                if mode != "wal" { _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") }
            }
        }
    }

    private static func leaveWriteAheadLog(_ queue: DatabaseQueue, path: String) throws {
        let mode = try queue.writeWithoutTransaction { db in
            guard try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal" else { return "delete" }
            return try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE") ?? "wal"
        }
        if mode != "wal" { return }
        throw WeirError(
            .locked,
            "the catalog keeps a write-ahead log, which machines that share a file system cannot use together, and another "
                + "process has it open",
            at: path,
            advice: "end every process that uses the catalog, then start again: it is switched to another journal"
        )
    }

    /// Settings of every connection that may write.
    static func prepare(connection db: Database) throws {
        // Commits go into the database file as soon as no reader needs it as it was: a copy of that file alone is whole,
        // and the log stays short.
        try db.execute(sql: "PRAGMA wal_autocheckpoint = 1")
    }

    /// Reads a database in a folder that takes no files. While no process that may write has it open, SQLite cannot even
    /// open one with a write-ahead log there.
    static func readOnly<Result: Sendable>(
        _ path: String,
        _ configuration: Configuration,
        _ body: @Sendable (Database) throws -> Result
    ) throws -> Result {
        do {
            return try DatabaseQueue(path: path, configuration: configuration).read(body)
        } catch let error as DatabaseError where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) {
            return try onCopy(of: path, body)
        }
    }

    /// Runs something on a copy of a database that nobody has open and that lies in a folder this process may not write:
    /// SQLite cannot read one with a write-ahead log there.
    private static func onCopy<Result: Sendable>(
        of path: String,
        _ body: @Sendable (Database) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.appendingPathComponent("catalog.db")
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        if FileManager.default.fileExists(atPath: path + "-wal") {
            try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy.path + "-wal")
        }
        return try DatabaseQueue(path: copy.path).read(body)
    }

    /// Whether processes on all machines that see a file share its memory maps. They do not over a network, where a
    /// write-ahead log would let two of them overwrite each other. Not known is no.
    private static func sharesMemory(_ type: String?) -> Bool { type.map { !FileSystemType.isShared($0) } ?? false }
}

/// What kind of file system a path is on.
enum FileSystemType {
    /// That of a file or folder on this machine, behind its symbolic links.
    static func of(_ path: String) -> String? {
        guard let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else { return nil }
        return of(URL(fileURLWithPath: path).resolvingSymlinksInPath().path, mounts: mounts)
    }

    /// - Parameter mounts: the text of /proc/self/mountinfo, whose lines end in a dash, the type, and the source:
    ///   `36 35 98:0 / /data rw,noatime master:1 - ext4 /dev/vda1 rw`.
    static func of(_ path: String, mounts: String) -> String? {
        var found: (place: String, type: String)?
        for line in mounts.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 6, let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 1 < words.endIndex else {
                continue
            }
            let place = words[4].replacingOccurrences(of: "\\040", with: " ")
            let isInside = place == "/" || path == place || path.hasPrefix(place + "/")
            // The later of two mounts on one place hides the other.
            if isInside, place.count >= found?.place.count ?? 0 { found = (place, String(words[dash + 1])) }
        }
        return found?.type
    }

    /// Whether several machines may have such a file system mounted at once. One in user space may be anything.
    static func isShared(_ type: String) -> Bool {
        shared.contains(type) || type.hasPrefix("fuse") || type.hasPrefix("nfs") || type.hasPrefix("smb")
    }

    private static let shared: Set<String> = [
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "ocfs2",
        "orangefs", "prl_fs", "pvfs2", "vboxsf", "virtiofs", "vmhgfs",
    ]
}
