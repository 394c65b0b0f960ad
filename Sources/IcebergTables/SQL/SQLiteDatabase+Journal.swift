import Bytes
import Foundation
import GRDB

/// The database's journal mode. With a write-ahead log, readers and the writer do not block each other. With SQLite's
/// default mode, a session with an open read transaction blocks every commit.
extension SQLiteDatabase {
    /// Switches the database to a write-ahead log if the file system allows it and no other connection blocks the
    /// switch. The mode is stored in the file: every program that opens it uses that mode from then on.
    ///
    /// A database with a write-ahead log on a shared file system is switched back, or refused if that fails.
    ///
    /// - Parameter type: the type of its file system; nil if unknown.
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
        // Checkpoint after every commit, as soon as no reader needs the old pages: a copy of the database file alone is
        // then complete, and the log stays short.
        try db.execute(sql: "PRAGMA wal_autocheckpoint = 1")
    }

    /// Reads a database in a folder that this process cannot write. SQLite cannot open a database with a write-ahead
    /// log there unless a process with write access has it open; then a copy is read.
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

    /// Runs a block on a copy of a database. For a database in a read-only folder that no other process has open:
    /// SQLite cannot read it there if it has a write-ahead log.
    private static func onCopy<Result: Sendable>(
        of path: String,
        _ body: @Sendable (Database) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.appendingPathComponent("catalog.db")
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        // With a rollback journal, left by a writer that died, the copy is rolled back when it is opened.
        for suffix in ["-wal", "-journal"] where FileManager.default.fileExists(atPath: path + suffix) {
            try FileManager.default.copyItem(atPath: path + suffix, toPath: copy.path + suffix)
        }
        return try DatabaseQueue(path: copy.path).read(body)
    }

    /// Whether all processes that open a file on this file system share its memory maps. They do not on a network file
    /// system, where a write-ahead log would let two machines overwrite each other's changes. False if the type is
    /// unknown.
    private static func sharesMemory(_ type: String?) -> Bool { type.map { !FileSystemType.isShared($0) } ?? false }
}

/// Finds the type of the file system that holds a path.
enum FileSystemType {
    /// The type for a file or folder on this machine; symbolic links are resolved.
    static func of(_ path: String) -> String? {
        guard let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else { return nil }
        return of(URL(fileURLWithPath: path).resolvingSymlinksInPath().path, mounts: mounts)
    }

    /// - Parameter mounts: the text of /proc/self/mountinfo, whose lines end in a dash, the type, and the source:
    ///   `36 35 98:0 / /data rw,noatime master:1 - ext4 /dev/vda1 rw`.
    static func of(_ path: String, mounts: String) -> String? {
        var found: (mount: String, type: String)?
        for line in mounts.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 6, let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 1 < words.endIndex else {
                continue
            }
            let mount = words[4].replacingOccurrences(of: "\\040", with: " ")
            let isInside = mount == "/" || path == mount || path.hasPrefix(mount + "/")
            // A later mount on the same path hides the earlier one.
            if isInside, mount.count >= found?.mount.count ?? 0 { found = (mount, String(words[dash + 1])) }
        }
        return found?.type
    }

    /// Whether several machines may mount such a file system at once. FUSE file systems count as shared, since their
    /// backing store is unknown.
    static func isShared(_ type: String) -> Bool {
        shared.contains(type) || type.hasPrefix("fuse") || type.hasPrefix("nfs") || type.hasPrefix("smb")
    }

    private static let shared: Set<String> = [
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "ocfs2",
        "orangefs", "prl_fs", "pvfs2", "vboxsf", "virtiofs", "vmhgfs",
    ]
}
